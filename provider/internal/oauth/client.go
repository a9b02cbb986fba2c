package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/identity"
)

// authenticate names the client of a request and proves it (RFC 6749 §2.3): by Basic, by form parameters, or, for a public
// client, by client_id alone. Exactly one way per request.
func (d *Door) authenticate(ctx context.Context, c *gin.Context, f form) (identity.Client, error) {
	id, secret, err := credentials(c.Request.Header.Values("Authorization"), f)
	if err != nil {
		return identity.Client{}, err
	}
	client, err := d.Clients.Client(ctx, id)
	if errors.Is(err, identity.ErrUnknownClient) {
		return identity.Client{}, invalidClient("unknown client, or wrong secret")
	}
	if err != nil {
		return identity.Client{}, err
	}
	switch {
	case client.Public() && secret == "":
		return client, nil
	case client.HasSecret(secret):
		return client, nil
	default:
		return identity.Client{}, invalidClient("unknown client, or wrong secret")
	}
}

func credentials(authorization []string, f form) (id, secret string, err error) {
	if len(authorization) > 1 {
		return "", "", invalidRequest("the Authorization header is repeated")
	}
	if len(authorization) == 0 {
		if f["client_id"] == "" {
			return "", "", invalidClient("no client_id")
		}
		return f["client_id"], f["client_secret"], nil
	}
	if f["client_secret"] != "" {
		return "", "", invalidRequest("two ways of client authentication at once")
	}
	scheme, encoded, _ := strings.Cut(authorization[0], " ")
	raw, decodeErr := base64.StdEncoding.DecodeString(encoded)
	user, password, found := strings.Cut(string(raw), ":")
	if !strings.EqualFold(scheme, "Basic") || decodeErr != nil || !found {
		return "", "", invalidClient("the Authorization header is not Basic")
	}
	// RFC 6749 §2.3.1: both halves are form-urlencoded before they are joined.
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	if idErr != nil || secretErr != nil || id == "" {
		return "", "", invalidClient("the Authorization header is not Basic")
	}
	if f["client_id"] != "" && f["client_id"] != id {
		return "", "", invalidRequest("client_id and the Authorization header name two clients")
	}
	return id, secret, nil
}
