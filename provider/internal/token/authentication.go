package token

import (
	"slices"

	"qrlogin/provider/internal/challenge"
)

// How a login was done, the weakest first (OIDC Core §2, acr). In each an enrolled device key approved. docs/tokens.md explains them
// to sites.
const (
	ACRStatic    = "urn:qrlogin:acr:static"    // a code that can be copied was scanned or typed
	ACRScanned   = "urn:qrlogin:acr:qr"        // a code that moves was scanned
	ACRConfirmed = "urn:qrlogin:acr:confirmed" // the page was proven to be with the phone: by the digits typed into it, or by being on it
)

// ACRs is all of them.
var ACRs = []string{ACRStatic, ACRScanned, ACRConfirmed}

// Authentication is how the person was authenticated by an approved challenge. Its amr is of RFC 8176: pop, a key was proven; user,
// a person was there; mca, the page was confirmed by what the phone showed; geo, the phone had to be near the browser; pin, the phone says
// that it asked for its PIN; mfa, a passkey was shown beside the device key.
func Authentication(c challenge.Challenge) (acr string, amr []string) {
	acr, amr = ACRStatic, []string{"pop", "user"}
	if c.Claim.Moving {
		acr = ACRScanned
	}
	switch {
	case c.Claim.Here:
		acr = ACRConfirmed
	case c.Policy.Confirm:
		acr, amr = ACRConfirmed, append(amr, "mca")
	}
	if c.Policy.Proximity == challenge.ProximityRequire {
		amr = append(amr, "geo")
	}
	switch c.Unlock {
	case challenge.UnlockByPIN:
		amr = append(amr, "pin")
	case challenge.UnlockByPasskey:
		amr = append(amr, "mfa")
	case challenge.Unlocked:
	}
	return acr, amr
}

// Class is the acr of the challenges of this policy.
func Class(p challenge.Policy) string {
	switch {
	case p.Confirm:
		return ACRConfirmed
	case p.StaticCode: // what is scanned stands still, and who types it types the same
		return ACRStatic
	default:
		return ACRScanned
	}
}

// Suffices tells whether a person who was authenticated in this way needs no new scan for a site of that policy.
func Suffices(acr string, amr []string, p challenge.Policy) bool {
	return slices.Index(ACRs, acr) >= slices.Index(ACRs, Class(p)) && (p.Proximity != challenge.ProximityRequire || slices.Contains(amr, "geo"))
}
