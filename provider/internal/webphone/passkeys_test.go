package webphone_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"qrlogin/api"
)

// unlocker is the phone's own way to tell its owner: a finger, a face, a code.
type unlocker struct {
	p  *handset
	id webauthn.AuthenticatorID
}

// unlocks gives the phone one.
func (p *handset) unlocks() unlocker {
	p.t.Helper()
	call(p, webauthn.Enable, webauthn.EnableParams{})
	made, err := chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		DefaultBackupEligibility: true, DefaultBackupState: true,
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	return unlocker{p, made.AuthenticatorID}
}

// passkeys is what it holds.
func (u unlocker) passkeys() []*webauthn.Credential {
	u.p.t.Helper()
	got, err := chromedp.Call(u.p.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: u.id})
	if err != nil {
		u.p.t.Fatal(err)
	}
	return got.Credentials
}

// shown is how often its one passkey was shown, and made.
func (u unlocker) shown() int {
	u.p.t.Helper()
	all := u.passkeys()
	if len(all) != 1 {
		u.p.t.Fatalf("%d passkeys", len(all))
	}
	return int(all[0].SignCount)
}

// sync brings the passkeys of another phone here, as the account with the phones' maker does.
func (u unlocker) sync(from unlocker) {
	u.p.t.Helper()
	type credential struct { // of webauthn.Credential what this Chromium takes
		ID         []byte  `json:"credentialId"`
		Resident   bool    `json:"isResidentCredential"`
		RP         string  `json:"rpId"`
		PrivateKey []byte  `json:"privateKey"`
		UserHandle []byte  `json:"userHandle"`
		SignCount  float64 `json:"signCount"`
		Eligible   bool    `json:"backupEligibility"`
		Synced     bool    `json:"backupState"`
	}
	type params struct {
		Authenticator webauthn.AuthenticatorID `json:"authenticatorId"`
		Credential    credential               `json:"credential"`
	}
	for _, c := range from.passkeys() {
		call(u.p, cdp.Command[params, cdp.Empty]{Method: webauthn.CommandAddCredential}, params{u.id, credential{
			c.CredentialID, c.IsResidentCredential, c.RpID, c.PrivateKey, c.UserHandle, c.SignCount, c.BackupEligibility, c.BackupState,
		}})
	}
}

// owned says whether the owner is who unlocks.
func (u unlocker) owned(yes bool) {
	u.p.t.Helper()
	call(u.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: u.id, IsUserVerified: yes})
}

// unlocked is a phone that is enrolled and asks for its unlock.
func unlocked(t *testing.T, w *world, number string) (*handset, unlocker) {
	t.Helper()
	p := newHandset(t, w)
	u := p.unlocks()
	p.open(w.issuer + "/phone")
	p.enrolHere(number, 0)
	p.tap("Continue")
	p.on("unlock")
	p.keep("unlock")
	p.tap("Unlock with fingerprint or face")
	p.on("home")
	if n := u.shown(); n != 1 {
		t.Fatalf("counted %d", n)
	}
	return p, u
}

const number = "+86 138 0013 8000"

// toAccount goes there from home, once nothing moves the way there any more.
func (p *handset) toAccount() {
	p.t.Helper()
	p.on("home")
	p.says("+8613800138000")
	p.tap("Account")
	p.on("account")
}

func (p *handset) approves(client string) {
	p.t.Helper()
	login := p.w.start(client)
	p.follow(login.frame())
	p.on("consent")
	p.tap("Approve")
	p.on("approved")
	if !login.tokens() {
		p.t.Error("the site gets no tokens")
	}
}

func TestPhoneWithAnUnlockAsksForItBeforeEachApprovalAndLosesNoTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, u := unlocked(t, w, number)
	for n := range 2 {
		p.approves("shop")
		if shown, sent := u.shown(), w.times("POST /phone/decisions"); shown != n+2 || sent != n+1 {
			t.Errorf("after %d approvals the passkey was counted to %d, and %d decisions were sent", n+1, shown, sent)
		}
	}
	login := w.start("shop")
	p.follow(login.frame())
	p.on("consent")
	p.tap("Decline")
	p.on("denied")
	if n := u.shown(); n != 3 {
		t.Errorf("a denial asked for it, too: %d", n)
	}
	p.close("404")
}

func TestPhoneWhoseOwnerDoesNotUnlockItApprovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, u := unlocked(t, w, number)
	login := w.start("shop")
	p.follow(login.frame())
	p.on("consent")
	u.owned(false)
	p.tap("Approve")
	p.says("Your passkey was not shown")
	if state, sent := login.state(), w.times("POST /phone/decisions"); state != "claimed" || sent != 0 {
		t.Errorf("%s, and %d decisions were sent", state, sent)
	}
	u.owned(true)
	p.tap("Approve")
	p.on("approved")
	p.close("404")
}

// A page that has forgotten that there is a passkey is told so.
func TestPhoneThatIsToldOfItsPasskeyShowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, u := unlocked(t, w, number)
	js[bool](p, `new Promise((resolve) => {
		const open = indexedDB.open('qrlogin-phone', 1);
		open.onsuccess = () => {
			const store = open.result.transaction('kept', 'readwrite').objectStore('kept');
			store.get('device').onsuccess = ({ target }) => {
				const { keys } = target.result;
				store.put({ keys }, 'device').onsuccess = () => { open.result.close(); resolve(true); };
			};
		};
	})`)
	p.approves("shop")
	if shown, sent := u.shown(), w.times("POST /phone/decisions"); shown != 2 || sent != 2 {
		t.Errorf("counted to %d, %d decisions", shown, sent)
	}
	p.close("403", "404")
}

// The next phone, without a message: the passkey was synced to it.
func TestPhoneThatIsNewIsEnrolledByAPasskeyWithoutAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, u := unlocked(t, w, number)
	p := newHandset(t, w)
	next := p.unlocks()
	next.sync(u)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.tap("I have a passkey")
	p.on("ready")
	if n := w.times("POST /phone/enrollments"); n != 1 {
		t.Errorf("%d messages were asked for", n)
	}
	p.tap("Continue")
	p.on("home") // with nothing to offer: it is unlocked already
	before := next.shown()
	p.approves("shop")
	if n := next.shown(); n != before+1 {
		t.Errorf("counted from %d to %d", before, n)
	}
	p.close("404")
	old.close("404")
}

func TestPhoneWithoutThePasskeyIsNotEnrolledByIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	u := p.unlocks()
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.tap("I have a passkey")
	p.says("Your passkey was not shown")
	_, from := unlocked(t, w, number)
	u.sync(from)
	u.owned(false)
	p.tap("I have a passkey")
	p.says("Your passkey was not shown")
	w.answer("POST /phone/enrollments/passkey", http.StatusForbidden, "passkey-wrong")
	u.owned(true)
	p.tap("I have a passkey")
	p.says("The passkey was not accepted")
	p.on("welcome")
	p.close("403", "401")
}

// Who has said "not now" is not asked again, and finds it in the account; and it can be taken back.
func TestPhoneIsAskedOnceWhetherToUnlockAndFindsItInTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	u := p.unlocks()
	p.open(w.issuer + "/phone")
	p.enrolHere(number, 0)
	p.tap("Continue")
	p.on("unlock")
	u.owned(false)
	p.tap("Unlock with fingerprint or face")
	p.says("Your passkey was not shown")
	p.tap("Not now")
	p.on("home")
	p.says("My logins")
	p.await(`!document.body.innerText.includes('with your fingerprint or face')`)
	u.owned(true)

	p.toAccount()
	p.says("Whoever holds this phone unlocked can approve logins.")
	p.tap("Unlock with fingerprint or face")
	p.says("This phone asks for your fingerprint")
	p.says("This phone")
	p.keep("passkeys")
	p.tap("Remove")
	p.says("It lets no new phone into your account any more")
	u.owned(false)
	p.tap("Remove")
	p.says("Your passkey was not shown")
	p.says("This phone asks for your fingerprint")
	u.owned(true)
	p.tap("Remove")
	p.tap("Remove")
	p.says("Whoever holds this phone unlocked can approve logins.")
	p.eventually("the phone forgets it", func() bool { return len(u.passkeys()) == 0 })
	p.approves("shop")
	p.close("404")
}

// Whoever came by a code sees to that first, and is asked at home.
func TestPhoneThatWasSetUpForALoginIsAskedAtHomeWhetherToUnlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.unlocks()
	login := w.start("shop")
	p.open(login.frame())
	p.enrolHere(number, 0)
	p.tap("Continue")
	p.on("consent")
	p.tap("Approve")
	p.on("approved")
	p.tap("Done")
	p.says("You can have approvals unlocked")
	p.tap("Have a look")
	p.on("unlock")
	p.tap("Unlock with fingerprint or face")
	p.on("home")
	p.close("404")
}

// A passkey that was synced here cannot be made a second time: it is used.
func TestPhoneToWhichAPasskeyWasSyncedUsesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, u := unlocked(t, w, number)
	p := newHandset(t, w)
	next := p.unlocks()
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.fill("number", number)
	p.tap("Send me a code")
	p.on("code")
	p.fill("code", w.console.code(t, 1))
	p.on("waiting")
	first.open(w.issuer + "/phone")
	first.tap("Allow or refuse")
	first.on("phones")
	first.tap("Allow")
	first.tap("Allow")
	first.await(`!document.body.innerText.includes('Waits until')`)
	if n := u.shown(); n != 2 {
		t.Errorf("another phone was allowed without the unlock: counted to %d", n)
	}
	next.sync(u) // one that is synced does not count, this one does: so it comes when the other is done with it
	p.tap("Look again")
	p.says("This phone is ready")
	p.tap("Continue")
	p.on("unlock")
	p.tap("Unlock with fingerprint or face")
	p.on("home")
	p.approves("shop")
	if all := next.passkeys(); len(all) != 1 {
		t.Errorf("%d passkeys", len(all))
	}
	p.close("404")
	first.close("404")
}

// One sentence says that there can be none.
func TestPhoneWhereThereAreNoPasskeysSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol(number, 0) // with nothing to unlock it: it is not asked
	p.toAccount()
	p.says("This phone has no fingerprint, face or screen lock that a page may ask for.")
	now := time.Now()
	w.answer("GET /phone/account", http.StatusOK, api.PhoneAccount{
		Issuer: w.issuer, PhoneNumber: "+8613800138000", CreatedAt: now, Device: api.Device{Id: "x", Name: "Pixel", CreatedAt: now, LastSeenAt: now, ActiveAt: now, Current: true},
	})
	p.tap("Back")
	p.toAccount()
	p.says("There are no passkeys here")
	p.close()
}

func TestPhoneScreensOfPasskeysHaveNothingForAxe(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"light", "dark"} {
		for _, language := range []string{"en-US", "zh-CN"} {
			w := newWorld(t)
			p := newHandset(t, w)
			p.look(scheme, language)
			p.unlocks()
			p.open(w.issuer + "/phone")
			p.on("welcome")
			p.looksRight("welcome")
			p.fill("number", number)
			p.press("welcome.send")
			p.on("code")
			p.fill("code", w.console.code(t, 0))
			p.on("ready")
			p.press("ready.continue")
			p.on("unlock")
			p.looksRight("unlock")
			p.press("passkey.unlock.button")
			p.menu("home.account", "account")
			p.looksRight("account")
		}
	}
}

func (p *handset) looksRight(screen string) {
	p.t.Helper()
	js[bool](p, "Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {}))).then(() => true)")
	complaints, err := axe.Complaints(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range complaints {
		p.t.Errorf("%s: %s", screen, c)
	}
}
