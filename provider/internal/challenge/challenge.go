package challenge

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// The deadlines of a challenge (DESIGN.md §3, RFC 10027 §6.1.2).
const (
	Lifetime        = 5 * time.Minute  // from its start to its expiry: expires_in
	ScanWindow      = 3 * time.Minute  // frames are accepted this long; a typed or static code throughout
	Step            = 5 * time.Second  // how long one frame is shown
	FrameLife       = 30 * time.Second // how long a frame is accepted, from the start of its step
	ShortFrameLife  = 10 * time.Second // the same under a policy that is strict
	DecisionReserve = 15 * time.Second // an approval needs this much left, so that the site can still redeem it
	TombstoneGrace  = time.Minute      // a tombstone stays this long past the expiry
)

// State is where a challenge stands.
type State int

// The live states, then the final ones. A final state is an outcome: of such a challenge only a tombstone is kept.
const (
	Pending    State = iota + 1 // the code is shown
	Claimed                     // one device has scanned it
	Confirming                  // that device approved, and the page must show that the two are together
	Approved                    // that device approved; the site may redeem
	Redeemed                    // the site has its tokens; they may be fetched again until the window ends

	Denied    // that device denied
	Cancelled // the browser gave it up
	Expired   // its time ran out
	Purged    // redeemed and forgotten
)

var stateTexts = map[State]string{
	Pending: "pending", Claimed: "claimed", Confirming: "confirming", Approved: "approved", Redeemed: "redeemed",
	Denied: "denied", Cancelled: "cancelled", Expired: "expired", Purged: "redeemed",
}

// String is the state as the API names it. Purged is named for its outcome, redeemed.
func (s State) String() string {
	if text, ok := stateTexts[s]; ok {
		return text
	}
	return fmt.Sprintf("state %d", int(s))
}

// Final tells whether the challenge has ended.
func (s State) Final() bool { return s >= Denied }

// Policy is what the client's owner decided; a challenge keeps the one it began with.
type Policy struct {
	// StaticCode also accepts a code that does not rotate (verification_uri_complete). Off, a copied picture is stale within
	// the frames' life (RFC 10027 §6.1.2).
	StaticCode bool `json:"static_code,omitempty"`
	// TypedCode also accepts a typed user_code.
	TypedCode bool `json:"typed_code,omitempty"`
	// ShortFrames has a frame accepted for [ShortFrameLife], not [FrameLife].
	ShortFrames bool `json:"short_frames,omitempty"`
	// Confirm has an approval count once the digits that the phone shows are typed into the page (RFC 10027 §6.1.16).
	Confirm bool `json:"confirm,omitempty"`
	// Proximity is what becomes of a phone that is not near the browser (RFC 10027 §6.1.1).
	Proximity Proximity `json:"proximity,omitempty"`
	// Networks is where the browser must be (RFC 10027 §6.1.8); none for anywhere.
	Networks []netip.Prefix `json:"networks,omitempty"`
}

// Request is what the site asks for. The core carries it; of what is inside it looks at SessionOffered and Account alone.
type Request struct {
	Scopes         []string        `json:"scopes,omitempty"`
	Resources      []string        `json:"resources,omitempty"` // RFC 8707
	Nonce          string          `json:"nonce,omitempty"`
	BindingMessage string          `json:"binding_message,omitempty"`
	Details        json.RawMessage `json:"details,omitempty"` // RFC 9396
	SessionOffered bool            `json:"session_offered,omitempty"`
	Account        string          `json:"account,omitempty"` // whose phone it must be, "" for anybody's (RFC 10027 §6.1.15)
}

// Browser is how the consumption device presented itself, on its own connection and not in the site's words.
type Browser struct {
	Address   string `json:"address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// Claim is what the scan recorded: from then on only this device decides.
type Claim struct {
	Device  string    `json:"device"` // thumbprint of the device key (RFC 7638)
	Account string    `json:"account"`
	At      time.Time `json:"at"`
	Moving  bool      `json:"moving,omitempty"` // the code was a frame, and not one that can be copied at leisure
	Here    bool      `json:"here,omitempty"`   // the phone's own browser is the one that the login is for
	// Consent is what the phone was shown, byte for byte. The decision must be over these bytes, and the same device that
	// scans again gets them again.
	Consent []byte `json:"consent"`
}

// Unlock is how a phone made sure, before an approval, that it is in its owner's hand.
type Unlock string

// The ways of it.
const (
	Unlocked        Unlock = ""        // it did not
	UnlockByPIN     Unlock = "pin"     // by its own word
	UnlockByPasskey Unlock = "passkey" // shown to the provider
)

// Challenge is one login, order or handoff in progress. Values are passed by copy and never changed in place.
type Challenge struct {
	ID        ID        `json:"id"`
	Version   uint64    `json:"version"` // raised by every transition; 1 is the first
	State     State     `json:"state"`
	Client    string    `json:"client"` // client_id; in a tombstone its hash
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`

	DeviceCode Hash   `json:"device_code"` // of the secret part
	Watch      Hash   `json:"watch"`       // of the secret part
	UserCode   string `json:"user_code,omitempty"`
	FrameKey   []byte `json:"frame_key,omitempty"` // never leaves the provider

	Policy  Policy  `json:"policy,omitzero"`
	Request Request `json:"request,omitzero"`
	Browser Browser `json:"browser,omitzero"`
	Claim   Claim   `json:"claim,omitzero"`

	ApprovedAt time.Time `json:"approved_at,omitzero"`
	Misses     int       `json:"misses,omitempty"`     // wrong digits on the page
	Session    bool      `json:"session,omitempty"`    // the approval said "this is my computer"
	Unlock     Unlock    `json:"unlock,omitempty"`     // how the phone knew then whose hand it is in
	Signed     []byte    `json:"signed,omitempty"`     // the approval as it was signed, of a request with details
	Sealed     []byte    `json:"sealed,omitempty"`     // the token response, readable with the device_code alone
	WindowEnds time.Time `json:"window_ends,omitzero"` // of a redeemed challenge: until when Sealed is handed out again
}

// Draft is a challenge whose time has not begun: the store that creates it gives it its clock.
type Draft struct{ challenge Challenge }

// NewDraft makes a challenge with fresh random id, secrets and user code, and the two capabilities that are stored only as
// hashes: device_code for the site, watch for the browser.
func NewDraft(client string, p Policy, r Request) (d Draft, deviceCode, watch Capability) {
	id := NewID()
	deviceCode = Capability{ID: id, Secret: NewSecret()}
	watch = Capability{ID: id, Secret: NewSecret()}
	frameKey := make([]byte, 32)
	_, _ = rand.Read(frameKey) // never fails (crypto/rand)
	return Draft{Challenge{
		ID: id, Version: 1, State: Pending, Client: client,
		DeviceCode: HashOf(deviceCode.Secret), Watch: HashOf(watch.Secret),
		UserCode: NewUserCode(), FrameKey: frameKey,
		Policy: p, Request: r,
	}}, deviceCode, watch
}

// ID is the draft's id.
func (d Draft) ID() ID { return d.challenge.ID }

// UserCode is the draft's user code.
func (d Draft) UserCode() string { return d.challenge.UserCode }

// WithUserCode is the same draft with another user code, for when the first is taken.
func (d Draft) WithUserCode(code string) Draft {
	d.challenge.UserCode = code
	return d
}

// Begin starts the challenge's time, to the millisecond, on the store's clock.
func (d Draft) Begin(now time.Time) Challenge {
	c := d.challenge
	c.CreatedAt = now.UTC().Truncate(time.Millisecond)
	c.ExpiresAt = c.CreatedAt.Add(Lifetime)
	return c
}

// End is when a live challenge ends by itself.
//
// What only reads a challenge takes it by pointer, since it is large; what makes another of it takes the value.
func (c *Challenge) End() time.Time {
	if c.State == Redeemed {
		return c.WindowEnds
	}
	return c.ExpiresAt
}

// TombstoneEnd is when the last trace of the challenge goes.
func (c *Challenge) TombstoneEnd() time.Time {
	last := c.ExpiresAt
	if c.WindowEnds.After(last) {
		last = c.WindowEnds
	}
	return last.Add(TombstoneGrace)
}

// Tombstone is what stays of a challenge that has ended: hashes and the outcome (SECURITY.md §1.2). Of a live challenge it
// is the tombstone to be, should nothing more happen to it.
func (c *Challenge) Tombstone() Challenge {
	outcome := c.State
	switch {
	case c.State.Final() && c.ID == ID{}:
		return *c // already one
	case c.State == Redeemed:
		outcome = Purged
	case !c.State.Final():
		outcome = Expired
	}
	return Challenge{
		Version: c.Version, State: outcome, Client: HashOf(c.Client).String(),
		CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, WindowEnds: c.WindowEnds,
		DeviceCode: c.DeviceCode, Watch: c.Watch,
	}
}

// IssuedTo tells whether the challenge was started by that client.
// SECURITY.md §4: a device_code is bound to the client that got it.
func (c *Challenge) IssuedTo(client string) bool {
	if c.State.Final() && c.ID == (ID{}) {
		return c.Client == HashOf(client).String()
	}
	return c.Client == client
}

// Err is [Gone] for a challenge that has ended, otherwise nil.
func (c *Challenge) Err() error {
	if c.State.Final() {
		return Error{Kind: Gone, Outcome: c.State}
	}
	return nil
}
