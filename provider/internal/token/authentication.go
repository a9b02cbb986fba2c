package token

import "qrlogin/provider/internal/challenge"

// How a login was done, the weakest first (OIDC Core §2, acr). In each an enrolled device key approved. docs/tokens.md explains them
// to sites.
const (
	ACRStatic    = "urn:qrlogin:acr:static"    // a code that can be copied was scanned or typed
	ACRScanned   = "urn:qrlogin:acr:qr"        // a code that moves was scanned
	ACRConfirmed = "urn:qrlogin:acr:confirmed" // the digits that the phone showed were typed into the page that showed the code
)

// ACRs is all of them.
var ACRs = []string{ACRStatic, ACRScanned, ACRConfirmed}

// Authentication is how the person was authenticated by an approved challenge. Its amr is of RFC 8176: pop, a key was proven; user,
// a person was there; mca, the page was confirmed by what the phone showed; geo, the phone had to be near the browser.
func Authentication(c challenge.Challenge) (acr string, amr []string) {
	acr, amr = ACRStatic, []string{"pop", "user"}
	if c.Claim.Moving {
		acr = ACRScanned
	}
	if c.Policy.Confirm {
		acr, amr = ACRConfirmed, append(amr, "mca")
	}
	if c.Policy.Proximity == challenge.ProximityRequire {
		amr = append(amr, "geo")
	}
	return acr, amr
}

// Reachable is the acr values that challenges of this policy can have.
func Reachable(p challenge.Policy) []string {
	switch {
	case p.Confirm:
		return []string{ACRConfirmed}
	case p.StaticCode: // what is scanned stands still, and who types it types the same
		return []string{ACRStatic}
	default:
		return []string{ACRScanned}
	}
}
