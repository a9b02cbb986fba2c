package phone

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"qrlogin/provider/internal/identity"
)

// dear is the kinds of numbers that cost whoever reaches them, or are nobody's phone: messages to those are what fraud earns by.
var dear = []phonenumbers.PhoneNumberType{
	phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.TOLL_FREE, phonenumbers.UAN, phonenumbers.VOICEMAIL, phonenumbers.PAGER,
}

// parseNumber reads an international number and answers it in E.164; identity.ErrInvalidNumber. Letters and extensions,
// which the library would make something of, are refused: the code goes to the number that was written.
func parseNumber(typed string) (string, error) {
	rest, international := strings.CutPrefix(strings.TrimSpace(typed), "+")
	if !international || len(typed) > 32 || strings.Trim(rest, "0123456789 ()-./\u00a0") != "" {
		return "", identity.ErrInvalidNumber
	}
	n, err := phonenumbers.Parse(typed, "ZZ") // no region: the number says its own
	if err != nil || !phonenumbers.IsValidNumber(n) || slices.Contains(dear, phonenumbers.GetNumberType(n)) {
		return "", identity.ErrInvalidNumber
	}
	number := phonenumbers.Format(n, phonenumbers.E164)
	if len(number) > len("+")+15 { // ITU-T E.164 §6.2; the library knows longer ones
		return "", identity.ErrInvalidNumber
	}
	return number, nil
}

// serves tells whether codes are sent to the country that a number is of. Numbers that are of none are served where all are.
func (d *Door) serves(number string) bool {
	if len(d.Countries) == 0 {
		return true
	}
	n, err := phonenumbers.Parse(number, "ZZ")
	return err == nil && slices.Contains(d.Countries, phonenumbers.GetRegionCodeForNumber(n))
}
