package oauth

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/token"
)

// deviceGrant is the grant type of RFC 8628 §3.4.
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// scopesSupported is every scope that has a meaning here.
var scopesSupported = []string{"openid", "phone"}

// metadata answers both discovery documents, which say the same (OIDC Discovery §3, RFC 8414 §2).
func (d *Door) metadata() gin.HandlerFunc {
	body, err := json.Marshal(api.Metadata{
		Issuer:                            d.Issuer,
		TokenEndpoint:                     d.Issuer + "/token",
		DeviceAuthorizationEndpoint:       d.Issuer + "/device_authorization",
		JwksUri:                           d.Issuer + "/jwks",
		ScopesSupported:                   scopesSupported,
		ResponseTypesSupported:            []string{},
		GrantTypesSupported:               []string{deviceGrant},
		TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post", "none"},
		SubjectTypesSupported:             []string{"pairwise"},
		IdTokenSigningAlgValuesSupported:  []string{"ES256"},
		ClaimsSupported: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid",
			"phone_number", "phone_number_verified"},
		AcrValuesSupported:  []string{token.ACR},
		PreferWaitSupported: true,
	})
	if err != nil {
		panic(err) // strings and a bool: cannot be
	}
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", body)
	}
}
