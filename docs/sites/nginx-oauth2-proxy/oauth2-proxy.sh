#!/bin/sh
# Starts oauth2-proxy, which nginx asks whether a visitor is logged in. Secrets are in its environment, not on its command line.
export OAUTH2_PROXY_CLIENT_SECRET="$CLIENT_SECRET" OAUTH2_PROXY_COOKIE_SECRET="$COOKIE_SECRET"

# qrlogin knows no e-mail addresses, and oauth2-proxy wants one: it takes the sub for it. --insecure-oidc-skip-nonce=false makes
# it compare the nonce, which it would not. The logout goes to the provider, too.
exec oauth2-proxy \
    --provider=oidc --oidc-issuer-url="$ISSUER" --client-id="$CLIENT_ID" --redirect-url="$SITE/oauth2/callback" \
    --scope=openid --code-challenge-method=S256 --insecure-oidc-skip-nonce=false \
    --oidc-email-claim=sub --email-domain='*' \
    --backend-logout-url="$ISSUER/end_session?id_token_hint={id_token}" \
    --skip-provider-button --set-xauthrequest --cookie-expire=8h --cookie-samesite=lax \
    --http-address="127.0.0.1:$PORT" --reverse-proxy --trusted-proxy-ip=127.0.0.1 --upstream=static://202
