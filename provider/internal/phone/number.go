package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"qrlogin/provider/internal/identity"
)

// parseNumber reads an international number and answers it in E.164; identity.ErrInvalidNumber.
func parseNumber(typed string) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(typed), "+") || len(typed) > 32 {
		return "", identity.ErrInvalidNumber
	}
	n, err := phonenumbers.Parse(typed, "ZZ") // no region: the number says its own
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", identity.ErrInvalidNumber
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}
