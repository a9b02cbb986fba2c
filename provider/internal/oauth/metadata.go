package oauth

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/clientkeys"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/token"
)

// metadata answers both discovery documents, which say the same (OIDC Discovery §3, RFC 8414 §2).
func (d *Door) metadata() gin.HandlerFunc {
	says := api.Metadata{
		Issuer:                             d.Issuer,
		AuthorizationEndpoint:              d.Issuer + "/authorize",
		PushedAuthorizationRequestEndpoint: d.Issuer + "/par",
		TokenEndpoint:                      d.Issuer + "/token",
		DeviceAuthorizationEndpoint:        d.Issuer + "/device_authorization",
		UserinfoEndpoint:                   d.Issuer + "/userinfo",
		IntrospectionEndpoint:              d.Issuer + "/introspect",
		RevocationEndpoint:                 d.Issuer + "/revoke",
		EndSessionEndpoint:                 d.Issuer + "/end_session",
		JwksUri:                            d.Issuer + "/jwks",

		ScopesSupported:               identity.Scopes,
		ResponseTypesSupported:        []string{"code"},
		ResponseModesSupported:        []string{"query", "form_post"},
		GrantTypesSupported:           []string{"authorization_code", "refresh_token", deviceGrant},
		CodeChallengeMethodsSupported: []string{"S256"},
		PromptValuesSupported:         promptsSupported,

		TokenEndpointAuthMethodsSupported:                  []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		TokenEndpointAuthSigningAlgValuesSupported:         clientkeys.Algorithms,
		IntrospectionEndpointAuthMethodsSupported:          []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		IntrospectionEndpointAuthSigningAlgValuesSupported: clientkeys.Algorithms,
		RevocationEndpointAuthMethodsSupported:             []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		RevocationEndpointAuthSigningAlgValuesSupported:    clientkeys.Algorithms,
		DpopSigningAlgValuesSupported:                      []string{"ES256"},

		SubjectTypesSupported:            []string{"pairwise"},
		IdTokenSigningAlgValuesSupported: []string{"RS256", "ES256"}, // OIDC Discovery §3: RS256 must be among them
		ClaimsSupported: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "device_jkt",
			"phone_number", "phone_number_verified"},
		ClaimTypesSupported: []string{"normal"},
		AcrValuesSupported:  token.ACRs,
		UiLocalesSupported:  []string{"en", "zh"},

		AuthorizationDetailsTypesSupported: &identity.DetailTypes, // RFC 9396 §10

		ClaimsParameterSupported:                   true,
		AuthorizationResponseIssParameterSupported: true, // RFC 9207 §3
		BackchannelLogoutSupported:                 true,
		BackchannelLogoutSessionSupported:          true,
		PreferWaitSupported:                        true,
	}
	if d.RegistrationToken != "" {
		endpoint := d.Issuer + "/register"
		says.RegistrationEndpoint = &endpoint
	}
	body, err := json.Marshal(says)
	if err != nil {
		panic(err) // strings and bools: cannot be
	}
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", body)
	}
}
