package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"qrlogin/provider/internal/sqlstore"
	"qrlogin/provider/internal/token"
)

const (
	// keyLead is how long a new key is published before it signs. Nodes see it within keyReload, and a site may keep /jwks for
	// five minutes.
	keyLead = time.Hour
	// keyReload is how often a node looks for keys that others have made or withdrawn.
	keyReload = time.Minute
	// keyReloadPause is the least time between two looks that tokens by unknown keys cause: anybody can send one.
	keyReloadPause = time.Second
)

// keys keeps a mint's signing keys: it makes the first ones, rotates by schedule, follows other nodes and the command line, and
// removes what is past.
type keys struct {
	store keyStore
	mint  *token.Mint
	every time.Duration // 0 for no schedule
	log   *slog.Logger
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	looked time.Time
}

// openKeys gives the mint its keys, and keeps them until Close.
func openKeys(ctx context.Context, c Config, master *masterKey, db *sqlstore.DB, mint *token.Mint) (*keys, error) {
	k := &keys{
		store: keyStore{db: db, master: master, known: map[string]token.Key{}}, mint: mint, every: *c.KeyRotation, log: c.Log,
		done: make(chan struct{}),
	}
	if err := k.store.sealAll(ctx); err != nil {
		return nil, err
	}
	if err := k.tend(ctx); err != nil {
		return nil, err
	}
	mint.Keeper = k
	running, stop := context.WithCancel(context.Background())
	k.stop = stop
	go k.run(running)
	return k, nil
}

func (k *keys) run(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(keyReload)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// The keys that are there go on; a new one is published an hour before it is needed.
			if err := k.tend(ctx); err != nil && ctx.Err() == nil {
				k.log.Error("signing keys cannot be kept; trying again in a minute", "error", err)
			}
		}
	}
}

// Close ends the keeping. The mint keeps the keys that it has.
func (k *keys) Close() error {
	k.stop()
	<-k.done
	return nil
}

// tend brings the keys up to date and hands them to the mint.
func (k *keys) tend(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ring, err := k.store.load(ctx)
	if err != nil {
		return err
	}
	needed, err := k.needed(ctx, ring)
	if err != nil {
		return err
	}
	for _, alg := range needed {
		if ring, err = k.add(ctx, ring, alg, time.Now()); err != nil { // the first: it signs at once
			return err
		}
	}
	if k.every > 0 {
		if ring, err = k.rotate(ctx, ring); err != nil {
			return err
		}
	}
	past := slices.DeleteFunc(slices.Clone(ring.Keys()), func(key token.Key) bool { return ring.State(key, time.Now()) != token.Past })
	if len(past) > 0 {
		if err := k.store.remove(ctx, past); err != nil {
			return err
		}
		k.log.Info("signing keys removed that are past", "kids", ids(past))
	}
	return k.hand(ring)
}

// rotate makes the keys that are due, in time for them to be published before they sign.
func (k *keys) rotate(ctx context.Context, ring token.Ring) (token.Ring, error) {
	for _, alg := range ring.Algs() {
		due, soonest := ring.Newest(alg).From.Add(k.every), time.Now().Add(keyLead)
		if due.After(soonest) {
			continue
		}
		var err error
		if ring, err = k.add(ctx, ring, alg, soonest); err != nil {
			return ring, err
		}
	}
	return ring, nil
}

// needed is the algorithms that have no key and should. RS256 is for the clients that registered it.
func (k *keys) needed(ctx context.Context, ring token.Ring) ([]string, error) {
	var algs []string
	if ring.Newest(token.ES256).ID == "" {
		algs = append(algs, token.ES256)
	}
	if ring.Newest(token.RS256).ID == "" {
		clients, err := k.store.db.Clients(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range clients {
			if c.SigningAlg == token.RS256 {
				return append(algs, token.RS256), nil
			}
		}
	}
	return algs, nil
}

// add makes a key after the newest of its algorithm, unless another node has made one meanwhile, and answers what there is then.
func (k *keys) add(ctx context.Context, ring token.Ring, alg string, from time.Time) (token.Ring, error) {
	key, added, err := k.store.add(ctx, alg, from, ring.Newest(alg).ID)
	if err != nil {
		return ring, err
	}
	if added {
		k.log.Info("signing key made", "kid", key.ID, "alg", alg, "from", from.UTC().Format(time.RFC3339))
	}
	return k.store.load(ctx)
}

// hand gives the mint the keys.
func (k *keys) hand(ring token.Ring) error {
	k.looked = time.Now()
	return k.mint.SetKeys(ring.Keys())
}

// Ensure makes a key of the algorithm if there is none, here or at another node; it signs at once.
func (k *keys) Ensure(ctx context.Context, alg string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ring, err := k.store.load(ctx)
	if err == nil && ring.Newest(alg).ID == "" {
		ring, err = k.add(ctx, ring, alg, time.Now())
	}
	if err != nil {
		return err
	}
	return k.hand(ring)
}

// Reload looks for keys that others have made, unless it has just looked.
func (k *keys) Reload(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < keyReloadPause {
		return nil
	}
	ring, err := k.store.load(ctx)
	if err != nil {
		return err
	}
	return k.hand(ring)
}

// keyStore is the signing keys in the database, sealed under the master key if there is one.
type keyStore struct {
	db     *sqlstore.DB
	master *masterKey
	known  map[string]token.Key // by id: to read an RSA key takes a while, and a key never changes
}

// load reads all keys.
func (s keyStore) load(ctx context.Context) (token.Ring, error) {
	stored, err := s.db.SigningKeys(ctx)
	if err != nil {
		return token.Ring{}, err
	}
	keys := make([]token.Key, 0, len(stored))
	for _, row := range stored {
		key, ok := s.known[row.ID]
		if !ok {
			pkcs8, err := s.master.open(row.ID, row.Private)
			if err != nil {
				return token.Ring{}, err
			}
			if key, err = token.ParseKey(pkcs8, row.ActiveAt); err != nil {
				return token.Ring{}, err
			}
			if key.ID != row.ID || key.Alg != row.Alg {
				return token.Ring{}, fmt.Errorf("signing key %s is not the key that it is stored as", row.ID)
			}
			s.known[row.ID] = key
		}
		keys = append(keys, key)
	}
	return token.NewRing(keys), nil
}

// add makes and stores a key, if the newest of its algorithm is still the one named, "" for none.
func (s keyStore) add(ctx context.Context, alg string, from time.Time, newest string) (key token.Key, added bool, err error) {
	if key, err = token.NewKey(alg, from); err != nil {
		return token.Key{}, false, err
	}
	pkcs8, err := token.MarshalKey(key)
	if err != nil {
		return token.Key{}, false, err
	}
	row := sqlstore.SigningKey{ID: key.ID, Alg: alg, Private: s.master.seal(key.ID, pkcs8), ActiveAt: from}
	stored, err := s.db.AddSigningKey(ctx, row, newest)
	return key, stored.ID == key.ID, err
}

func (s keyStore) remove(ctx context.Context, keys []token.Key) error {
	return s.db.RemoveSigningKeys(ctx, ids(keys))
}

// sealAll seals what was stored before there was a master key.
func (s keyStore) sealAll(ctx context.Context) error {
	if s.master == nil {
		return nil
	}
	stored, err := s.db.SigningKeys(ctx)
	if err != nil {
		return err
	}
	sealed := map[string][]byte{}
	for _, row := range stored {
		if _, err := s.master.open(row.ID, row.Private); err != nil {
			return err // before anything is sealed under a wrong one
		}
		if !isSealed(row.Private) {
			sealed[row.ID] = s.master.seal(row.ID, row.Private)
		}
	}
	if len(sealed) == 0 {
		return nil
	}
	return s.db.PutPrivateKeys(ctx, sealed)
}

func ids(keys []token.Key) []string {
	list := make([]string, 0, len(keys))
	for _, k := range keys {
		list = append(list, k.ID)
	}
	return list
}
