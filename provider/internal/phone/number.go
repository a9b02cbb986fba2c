package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"qrlogin/provider/internal/identity"
)

// parseNumber reads an international number and answers it in E.164; identity.ErrInvalidNumber. Letters and extensions,
// which the library would make something of, are refused: the code goes to the number that was written.
func parseNumber(typed string) (string, error) {
	rest, international := strings.CutPrefix(strings.TrimSpace(typed), "+")
	if !international || len(typed) > 32 || strings.Trim(rest, "0123456789 ()-./\u00a0") != "" {
		return "", identity.ErrInvalidNumber
	}
	n, err := phonenumbers.Parse(typed, "ZZ") // no region: the number says its own
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", identity.ErrInvalidNumber
	}
	number := phonenumbers.Format(n, phonenumbers.E164)
	if len(number) > len("+")+15 { // ITU-T E.164 §6.2; the library knows longer ones
		return "", identity.ErrInvalidNumber
	}
	return number, nil
}
