package app

import (
	"context"

	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// numberKey is the name of the key that phone numbers are kept with, and what it is sealed for.
const numberKey = "phone numbers"

// openNumbers has the database keep phone numbers under its key, which lies beside them, sealed under the master key if there is one,
// and answers how they are kept. It comes after the signing keys: they have told a wrong master key.
func openNumbers(ctx context.Context, master *masterKey, db *sqlstore.DB) (*identity.Numbers, error) {
	stored, err := db.SecretAs(ctx, numberKey, func(secret []byte) []byte { return master.seal(numberKey, secret) })
	if err != nil {
		return nil, err
	}
	secret := stored
	const clear = 32 // bytes; what is sealed is longer
	if len(stored) != clear {
		if secret, err = master.open(numberKey, stored); err != nil {
			return nil, err
		}
	} else if master != nil { // it was stored before there was a master key
		if err := db.ReplaceSecret(ctx, numberKey, master.seal(numberKey, secret)); err != nil {
			return nil, err
		}
	}
	numbers, err := identity.NewNumbers(secret)
	if err != nil {
		return nil, err
	}
	return numbers, db.KeepNumbers(ctx, numbers)
}
