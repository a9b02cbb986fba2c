package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"qrlogin/provider/internal/sqlstore"
	"qrlogin/provider/internal/token"
)

// MinKeyLead is the least time for which a new key must be published before it signs: until then there may be nodes and sites
// that do not know it.
const MinKeyLead = 10 * time.Minute

// Keyring is the signing keys in a provider's database, for the command line. It may be used while servers run on the same one; they
// see a change within a minute.
type Keyring struct {
	db        *sqlstore.DB
	masterKey string
}

// Key is a signing key, without its private half.
type Key struct {
	ID    string
	Alg   string
	State string    // "next": published and not used yet; "current": it signs; "old": published for what it has signed
	From  time.Time // it signs from then on
	Until time.Time // it is published until then; zero while no other takes over
}

// OpenKeyring opens the database of a provider: of its configuration, Database, Data and MasterKey count. Only changes need the last.
func OpenKeyring(ctx context.Context, c Config) (*Keyring, error) {
	db, err := c.openKept(ctx)
	if err != nil {
		return nil, err
	}
	return &Keyring{db, c.MasterKey}, nil
}

// Close closes the database.
func (r *Keyring) Close() error { return r.db.Close() }

// List is all keys, the newest first. It needs no master key.
func (r *Keyring) List(ctx context.Context) ([]Key, error) {
	stored, err := r.db.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]token.Key, 0, len(stored))
	for _, row := range stored {
		rows = append(rows, token.Key{ID: row.ID, Alg: row.Alg, From: row.ActiveAt})
	}
	ring, now := token.NewRing(rows), time.Now()
	list := make([]Key, 0, len(rows))
	for _, k := range ring.Keys() {
		state := ring.State(k, now)
		if state == token.Past {
			continue // a server removes it
		}
		shown := Key{ID: k.ID, Alg: k.Alg, State: string(state), From: k.From}
		if end := ring.End(k); end.Before(token.Never) {
			shown.Until = end
		}
		list = append(list, shown)
	}
	return list, nil
}

// Rotate makes a new key for each of the algorithms, all that have one when none is named. It is published at once and signs
// after a while, at least [MinKeyLead].
func (r *Keyring) Rotate(ctx context.Context, after time.Duration, algs ...string) error {
	if after < MinKeyLead {
		return fmt.Errorf("a new key must be published for %s before it signs, not %s: servers look every minute, and sites keep the key set for five",
			MinKeyLead, after)
	}
	_, err := r.add(ctx, time.Now().Add(after), algs)
	return err
}

// Withdraw makes new keys that sign at once and removes all others of the algorithms: what they have signed does not verify any
// more.
func (r *Keyring) Withdraw(ctx context.Context, algs ...string) error {
	made, err := r.add(ctx, time.Now(), algs)
	if err != nil {
		return err
	}
	stored, err := r.db.SigningKeys(ctx)
	if err != nil {
		return err
	}
	var others []string
	for _, row := range stored {
		if made[row.Alg] != "" && made[row.Alg] != row.ID {
			others = append(others, row.ID)
		}
	}
	return r.db.RemoveSigningKeys(ctx, others)
}

// add makes a key for each of the algorithms, and answers their ids.
func (r *Keyring) add(ctx context.Context, from time.Time, algs []string) (made map[string]string, err error) {
	master, err := openMasterKey(r.masterKey)
	if err != nil {
		return nil, err
	}
	store := keyStore{db: r.db, master: master, known: map[string]token.Key{}}
	if err := store.oneWay(ctx); err != nil {
		return nil, err
	}
	made = map[string]string{}
	for {
		ring, err := store.load(ctx)
		if err != nil {
			return nil, err
		}
		there := ring.Algs()
		if len(there) == 0 {
			return nil, errors.New("there are no keys yet: a server makes them when it first starts")
		}
		if len(algs) == 0 {
			algs = there
		}
		missing := ""
		for _, alg := range algs {
			if !slices.Contains(there, alg) {
				return nil, fmt.Errorf("there is no key for %q; there is for %v", alg, there)
			}
			if made[alg] == "" {
				missing = alg
			}
		}
		if missing == "" {
			return made, nil
		}
		key, added, err := store.add(ctx, missing, from, ring.Newest(missing).ID)
		if err != nil {
			return nil, err
		}
		if added { // otherwise a server has rotated meanwhile: this key comes after that one
			made[missing] = key.ID
		}
	}
}

// oneWay refuses to seal a key among others that are not: the servers, which started without a master key, could not read it.
func (s keyStore) oneWay(ctx context.Context) error {
	stored, err := s.db.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, row := range stored {
		if s.master != nil && !isSealed(row.Private) {
			return errors.New("the signing keys are not sealed yet: start the server with the master key first")
		}
	}
	return nil
}
