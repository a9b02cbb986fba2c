package phone

import (
	"errors"
	"regexp"
	"strings"
)

// ErrForeignCode says that a code is not one of this phone's provider. Nothing was sent anywhere.
var ErrForeignCode = errors.New("this code does not belong to this phone's provider")

const maxCode = 512 // bytes; openapi.yaml, ScanRequest

// userCode is RFC 8628's user_code as the provider makes it: eight consonants, which spell no words.
var userCode = regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{8}$`)

// UserCode returns a typed user_code in the provider's own spelling, WDJB-MJHT, however the person spaced it and in
// whatever case; ok is false when the text is something else.
func UserCode(text string) (code string, ok bool) {
	letters := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(text))
	if !userCode.MatchString(letters) {
		return "", false
	}
	return letters[:4] + "-" + letters[4:], true
}

// ownCode returns the text to send for a code, and what stands behind its #, which is not sent; or ErrForeignCode.
func (p *Phone) ownCode(text string) (code, fragment string, err error) {
	text = strings.TrimSpace(text)
	if len(text) > maxCode {
		return "", "", ErrForeignCode
	}
	if code, ok := UserCode(text); ok {
		return code, "", nil
	}
	// RFC 10027 §6.1.5: one recognisable prefix. What has another, whoever printed it, is not sent and not opened.
	if !strings.HasPrefix(text, p.codePrefix()) {
		return "", "", ErrForeignCode
	}
	code, fragment, _ = strings.Cut(text, "#")
	return code, fragment, nil
}

// challengeOf returns the challenge id inside the text of a QR code, and "" for a user_code.
func (p *Phone) challengeOf(code string) string {
	rest, ok := strings.CutPrefix(code, p.codePrefix())
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, ".")
	return id
}

func (p *Phone) codePrefix() string { return p.issuer + "/q/" }
