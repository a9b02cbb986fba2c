package webphone_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"qrlogin/api"
	"qrlogin/api/handoff"
)

// sample is a screen to look at; show leads a phone that is enrolled to it. Answers are made up where the provider would not have them
// so soon.
type sample struct {
	name string
	show func(*handset)
}

// object is JSON.
type object = map[string]any

const challengeID = "4F2ZC6YH3V7Q5K5SYO2MBW4JXE"

func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

var (
	firefox = object{"name": "Firefox", "system": "Windows"}
	kiln    = object{"id": "shop", "name": "Kiln Lane", "domains": []string{"kiln-lane.example", "shop.kiln-lane.example"}}
	notes   = object{"id": "notes", "name": "Paper Notes", "domains": []string{"paper-notes.example"}}
	berlin  = object{"city": "Berlin", "country": "DE"}
	lisbon  = object{"city": "Lisbon", "country": "PT"}
)

// account is what a phone is told of its account. active is when the phone works.
func account(active string) object {
	return object{
		"issuer": "https://login.example", "phone_number": "+8613800138000", "created_at": ago(40 * 24 * time.Hour), "passkeys_allowed": false,
		"device": object{"id": "this", "name": "Pixel 8", "created_at": ago(time.Hour), "last_seen_at": ago(0), "current": true, "active_at": active, "passkey": false},
	}
}

func devices(waiting bool) object {
	list := []object{
		account(ago(time.Hour))["device"].(object),
		{"id": "old", "name": "iPhone", "created_at": ago(300 * 24 * time.Hour), "last_seen_at": ago(50 * time.Hour), "current": false, "active_at": ago(300 * 24 * time.Hour)},
	}
	if waiting {
		list = append(list, object{
			"id": "new", "name": "Tablet in the kitchen", "created_at": ago(time.Minute), "last_seen_at": ago(time.Minute), "current": false, "active_at": ago(-23 * time.Hour),
		})
	}
	return object{"devices": list}
}

var logins = object{"logins": []object{
	{"id": "l1", "client": kiln, "browser": firefox, "place": berlin, "address": "192.0.2.7", "at": ago(5 * time.Minute), "auth_time": ago(5 * time.Minute), "session": true},
	{"id": "l2", "client": notes, "browser": object{"name": "Safari", "system": "macOS"}, "address": "2001:db8::17", "at": ago(30 * time.Hour), "auth_time": ago(30 * time.Hour), "session": false},
	{"id": "l3", "client": kiln, "browser": firefox, "place": berlin, "at": ago(100 * time.Hour), "auth_time": ago(100 * time.Hour), "session": false, "ended_at": ago(90 * time.Hour)},
}}

var events = object{"events": []object{
	{"kind": "device.enrolled", "at": ago(time.Minute), "address": "192.0.2.9"},
	{"kind": "code.copied", "at": ago(3 * time.Hour), "client": kiln, "browser": firefox, "place": berlin},
	{"kind": "something.new", "at": ago(80 * time.Hour)},
}}

// consent is what a scan returns. change alters what it says.
func (p *handset) consent(change object) {
	p.t.Helper()
	p.scanned(change, "#"+pageThumbprint)
	p.on("consent")
	if change["handoff"] == nil { // which waits for a file
		p.await("!document.querySelector('#approve').disabled")
	}
}

// scanned opens a code by a link with a fragment, and looks at what it asks for.
func (p *handset) scanned(change object, fragment string) {
	p.t.Helper()
	said := object{
		"challenge": challengeID, "client": kiln, "scopes": []string{"openid", "phone"}, "claimed_at": ago(0),
		"browser":   object{"address": "192.0.2.7", "user_agent": windows, "name": firefox, "place": berlin},
		"phone":     object{"address": "192.0.2.7", "place": berlin},
		"proximity": "same-address",
	}
	for key, value := range change {
		said[key] = value
	}
	if change["order"] != nil {
		delete(said, "phone")
	}
	text, err := json.Marshal(said)
	if err != nil {
		p.t.Fatal(err)
	}
	p.w.answer("POST /phone/scans", http.StatusOK, object{"challenge_id": challengeID, "consent": base64.RawURLEncoding.EncodeToString(text), "expires_in": 252})
	p.w.answer("DELETE /phone/scans/"+challengeID, http.StatusNoContent, nil)
	p.follow(p.w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ" + fragment)
}

// A page's key, and what a page that has it draws behind the # of its codes.
var pageKey = api.HandoffKey{
	Kty: "EC", Crv: "P-256", X: "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis", Y: "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE",
}

var pageThumbprint = func() string {
	thumbprint, err := handoff.Thumbprint(pageKey)
	if err != nil {
		panic(err)
	}
	return thumbprint
}()

// buying is a consent with an order, asking one with a handoff.
var (
	buying = object{
		"client": object{"id": "kiosks", "name": "Corner Drinks", "domains": []string{"corner-drinks.example"}}, "currency_digits": 2,
		"order": object{
			"type": "order", "order_id": "A-20419", "merchant": "Corner Drinks GmbH", "currency": "EUR", "total": 125150,
			"lines": []object{
				{"name": "Sparkling water, 0.5 l", "quantity": 3, "unit_price": 150},
				{"name": "Coffee machine “Nine” with a stand", "quantity": 1, "unit_price": 124700},
			},
			"kiosk":       object{"id": "K-17", "place": "Central Station, platform 4"},
			"payment_uri": "https://pay.corner-drinks.example/A-20419",
		},
	}
	asking = object{
		"handoff":       object{"type": "handoff", "kind": "bookmarks", "media_types": []string{"text/html"}, "jwk": pageKey},
		"handoff_limit": 5 << 20,
	}
)

// choose picks a file to hand off.
func (p *handset) choose(name, content string) {
	p.t.Helper()
	p.on("consent")
	p.upload("#file", name, []byte(content))
}

// alarming is a consent with everything in it.
var alarming = object{
	"warnings": []string{"elsewhere", "copyable", "no-browser", "brand-new"}, "proximity": "elsewhere", "phone": object{"address": "198.51.100.4", "place": lisbon},
	"scopes": []string{"openid", "phone", "offline_access", "orders"}, "resources": []string{"https://api.kiln-lane.example/orders"},
	"binding_message": "Till 4, the machine beside the door", "confirmation": true, "session_offered": true,
	"browser": object{"address": "192.0.2.7", "user_agent": "curl/8.14.1", "place": berlin},
}

// decide answers a decision, and takes it with a touch.
func (p *handset) decide(button string, outcome object) {
	p.w.answer("POST /phone/decisions", http.StatusOK, outcome)
	p.tap(p.word(button))
}

// press is tap, by the key of the words.
func (p *handset) press(key string) { p.tap(p.word(key)) }

func (p *handset) home() {
	p.open(p.w.issuer + "/phone")
	p.on("home")
	p.await("document.querySelector('.lead').textContent")
}

func (p *handset) menu(key, screen string) {
	p.home()
	p.enter(key)
	p.on(screen)
}

// enter takes a row of the menu.
func (p *handset) enter(key string) {
	p.await("!document.querySelector('[aria-busy]')")
	js[bool](p, "[...document.querySelectorAll('.menu button')].find((b) => b.textContent.startsWith('"+p.word(key)+"')).click() ?? true")
}

// samples is every screen there is for a phone that is enrolled.
var samples = []sample{
	{"home", (*handset).home},
	{"home-newphone", func(p *handset) {
		p.w.answer("GET /phone/devices", http.StatusOK, devices(true))
		p.home()
		p.await("document.querySelector('.note')")
	}},
	{"home-empty", func(p *handset) {
		p.w.answer("GET /phone/logins", http.StatusOK, object{"logins": []object{}})
		p.home()
	}},
	{"scan-without", func(p *handset) { p.home(); p.press("home.scan"); p.on("scan"); p.says(p.word("scan.none")) }},
	{"type", func(p *handset) { p.home(); p.press("home.type"); p.on("type") }},
	{"landed", func(p *handset) {
		p.open(p.w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ")
		p.on("landed")
		p.await("!document.querySelector('#see').disabled")
	}},
	{"landed-here", func(p *handset) {
		p.open(p.w.issuer + "/phone#here/" + challengeID + ".1.AEBAGBAFAYDQQ/" + transaction)
		p.on("landed")
		p.await("!document.querySelector('#see').disabled")
	}},
	{"consent", func(p *handset) { p.consent(nil) }},
	{"consent-warnings", func(p *handset) { p.consent(alarming) }},
	{"consent-here", func(p *handset) { p.consent(object{"same_browser": true}) }},
	{"order", func(p *handset) { p.consent(buying) }},
	{"order-approved", func(p *handset) {
		p.consent(buying)
		p.w.answer("POST /phone/decisions", http.StatusOK, object{"state": "approved"})
		p.tapOn("#approve")
		p.on("approved")
	}},
	{"handoff", func(p *handset) {
		p.consent(asking)
		p.choose("bookmarks_29.11.26.html", strings.Repeat("bookmark ", 30_000))
		p.await("!document.querySelector('#approve').disabled")
	}},
	{"handoff-refused", func(p *handset) {
		p.consent(asking)
		p.choose("holiday.jpg", "")
		p.await("document.querySelector('#file').ariaInvalid")
	}},
	{"approved", func(p *handset) {
		p.consent(object{"session_offered": true})
		js[bool](p, "document.querySelector('#session').click() ?? true")
		p.decide("consent.approve", object{"state": "approved"})
		p.on("approved")
	}},
	{"digits", func(p *handset) {
		p.consent(object{"confirmation": true})
		p.decide("consent.approve", object{"state": "confirming", "confirmation_code": "4071"})
		p.on("confirming")
	}},
	{"declined", func(p *handset) {
		p.consent(nil)
		p.decide("consent.decline", object{"state": "denied"})
		p.on("denied")
	}},
	{"unheard", func(p *handset) {
		p.consent(nil)
		p.w.answer("POST /phone/decisions", http.StatusServiceUnavailable, "unavailable")
		p.press("consent.approve")
		p.says(p.word("problem.unavailable"))
		p.w.answer("POST /phone/decisions", http.StatusGone, "gone")
		p.press("consent.approve")
		p.on("unheard")
	}},
	{"problem", func(p *handset) {
		p.w.answer("POST /phone/scans", http.StatusUnprocessableEntity, "code-stale")
		p.follow(p.w.issuer + "/phone?q=" + challengeID + ".1.AEBAGBAFAYDQQ")
		p.on("consent")
		p.await("document.querySelector('.badge')")
	}},
	{"logins", func(p *handset) { p.menu("home.logins", "logins") }},
	{"logins-disown", func(p *handset) {
		p.menu("home.logins", "logins")
		p.press("logins.disown")
		p.await("document.querySelector('dialog[open]')")
	}},
	{"phones", func(p *handset) {
		p.w.answer("GET /phone/devices", http.StatusOK, devices(true))
		p.menu("home.phones", "phones")
	}},
	{"events", func(p *handset) { p.menu("home.events", "events") }},
	{"account", func(p *handset) { p.menu("home.account", "account") }},
	{"delete", func(p *handset) { p.menu("home.account", "account"); p.press("account.delete"); p.on("delete") }},
	{"help", func(p *handset) { p.menu("home.help", "help") }},
	{"waiting", func(p *handset) {
		p.w.answer("GET /phone/account", http.StatusOK, account(ago(-23*time.Hour)))
		p.open(p.w.issuer + "/phone")
		p.await("document.querySelector('.badge')")
	}},
	{"removed", func(p *handset) {
		p.w.answer("GET /phone/account", http.StatusUnauthorized, "device-unknown")
		p.open(p.w.issuer + "/phone")
		p.await("document.querySelector('.badge')")
	}},
}

// made gives the enrolled phone an account that has seen something.
func (p *handset) made() {
	p.w.answer("GET /phone/account", http.StatusOK, account(ago(time.Hour)))
	p.w.answer("GET /phone/devices", http.StatusOK, devices(false))
	p.w.answer("GET /phone/logins", http.StatusOK, logins)
	p.w.answer("GET /phone/events", http.StatusOK, events)
}
