package oauth

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/dpop"
)

func invalidProof(description string) error {
	return oauthError{Status: http.StatusBadRequest, Code: "invalid_dpop_proof", Description: description}
}

var errUseNonce = oauthError{Status: http.StatusBadRequest, Code: "use_dpop_nonce", Description: "make the proof anew, with the nonce of DPoP-Nonce"}

// proven is the thumbprint of the key of the request's DPoP proof (RFC 9449 §5); "" when it has none.
func (d *Door) proven(c *gin.Context) (thumbprint string, err error) {
	if len(c.Request.Header.Values("DPoP")) == 0 {
		return "", nil
	}
	p, err := d.DPoP.Verify(c.Request.Context(), c.Request, "")
	return p.Thumbprint, d.unproven(c, err)
}

// unproven makes an error of the verifier the client's to read.
func (d *Door) unproven(c *gin.Context, err error) error {
	if errors.Is(err, dpop.ErrNonce) { // RFC 9449 §8
		c.Header("DPoP-Nonce", d.DPoP.Nonce(time.Now()))
		return errUseNonce
	}
	if wrong, ok := errors.AsType[dpop.ErrProof](err); ok {
		return invalidProof(wrong.Reason)
	}
	return err
}
