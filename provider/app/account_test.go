package app_test

import (
	"bytes"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// distinct is a number whose digits are those of nothing else.
const distinct = "+8613957284601"

// lies tells whether a text is in any file of a folder.
func lies(t testing.TB, folder string, text []byte) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, text) {
			return true
		}
	}
	return false
}

func wantNoNumber(t testing.TB, folder, number string) {
	t.Helper()
	for i := 0; i+6 <= len(number); i++ {
		if lies(t, folder, []byte(number[i:i+6])) {
			t.Errorf("the database has %s of %s", number[i:i+6], number)
		}
	}
}

// SECURITY.md §5, with all that a phone and a site do.
func TestNoPhoneNumberLiesInTheDatabase(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p, v := w.phone(distinct), w.visitor()
	tokens := v.home(p, "scope", offline)
	if claimsOf(t, *tokens.IdToken)["phone_number"] != distinct {
		t.Error("the site was not told the number")
	}
	raw := w.rawPhone().enrolled(distinct)
	raw.scan("https://evil.example/")
	wantNoNumber(t, folder, distinct)
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	wantNoNumber(t, folder, distinct)
}

// storedKey is what is kept of the key of the numbers.
func storedKey(t *testing.T, folder string) []byte {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key, err := db.Secret(t.Context(), "phone numbers")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAMasterKeySealsTheKeyOfTheNumbersFromTheStartOrLater(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p := w.rawPhone().enrolled(distinct)
	key := storedKey(t, folder)
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	if !lies(t, folder, key) {
		t.Fatal("the key was never there to be found")
	}
	for range 2 {
		w = newWorld(t, kept, withMasterKey(masterKey))
		p.w = w
		var account api.PhoneAccount
		p.send(http.MethodGet, "/phone/account", nil).decode(t, &account)
		if account.PhoneNumber != distinct || lies(t, folder, key) {
			t.Errorf("the number is %s; the key lies there: %t", account.PhoneNumber, lies(t, folder, key))
		}
		if err := w.provider.Close(); err != nil {
			t.Fatal(err)
		}
	}

	fresh, keptToo := inFolder(t)
	w = newWorld(t, keptToo, withMasterKey(masterKey))
	w.rawPhone().enrolled(distinct)
	if len(storedKey(t, fresh)) <= 32 {
		t.Error("a key that was made under a master key is not sealed")
	}
}

// Also where nothing else is sealed.
func TestASealedKeyOfTheNumbersNeedsItsMasterKey(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	if err := newWorld(t, kept, withMasterKey(masterKey)).provider.Close(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"": "master key is missing", masterKey + "x": "not the one"} {
		execute(t, folder, `DELETE FROM signing_keys`)
		config := app.Config{Issuer: "http://localhost:9", MasterKey: key}
		kept(&config)
		_, err := app.New(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("with %q: %v", key, err)
		}
	}
}

// execute changes a database behind the provider's back.
func execute(t testing.TB, folder, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "qrlogin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestAllLoginsEndAtOnceWithTheirSessions(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, rs256 := listening(base)
	w := newWorld(t, withPrivateNetworks, withClient(wiki), withClient(rs256))
	p, v := w.phone("+8613800138000"), w.visitor()
	other := w.phone("+8613800138001")
	stays := w.visitor().tokens(other, "scope", offline)
	all := []api.TokenResponse{v.home(p, "scope", offline), v.entered(rs256), w.visitor().tokens(p, "scope", offline)}
	if err := p.EndLogins(t.Context()); err != nil {
		t.Fatal(err)
	}
	sites := map[string]int{}
	for range all {
		sites[(<-heard).site]++
	}
	if sites["wiki"] != 2 || sites["notes"] != 1 {
		t.Errorf("told %v", sites)
	}
	for _, tokens := range all {
		if w.active(tokens.AccessToken) {
			t.Error("an access token is active")
		}
	}
	w.wantActive("another account's", stays, true)
	v.wantAsks("the session", asking(), "scan")
	if events, err := p.Events(t.Context()); err != nil || len(events) != 2 || events[0].Kind != api.LoginEnded || events[0].Login != nil {
		t.Errorf("told %+v %v", events, err)
	}
}

func TestAnExportHasAllThatIsKeptAndNoSecret(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept, withClient(notes))
	p, v := w.phone(distinct), w.visitor()
	tokens := v.home(p, "scope", offline)
	v.entered(notes)
	w.phone("+8613800138001")
	if err := p.EndLogin(t.Context(), claimsOf(t, *w.visitor().tokens(p).IdToken)["sid"].(string)); err != nil {
		t.Fatal(err)
	}
	raw, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all api.AccountExport
	answer{Body: raw}.decode(t, &all)
	if all.Account.PhoneNumber != distinct || all.Issuer != w.issuer || len(all.Devices) != 1 || len(all.Sessions) != 1 || len(all.Logins) != 3 {
		t.Errorf("%s", raw)
	}
	if d := all.Devices[0]; d.Id != p.ID() || d.PublicKey["crv"] != "P-256" || d.PublicKey["d"] != nil {
		t.Errorf("%+v", d)
	}
	var kinds []string
	for _, e := range all.Events {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "account.exported login.ended device.enrolled" {
		t.Errorf("the events are %s", got)
	}
	if l := all.Logins[2]; l.Client != "wiki" || !l.Session || l.UserAgent == nil || len(l.Scopes) == 0 || l.Device != p.ID() {
		t.Errorf("%+v", l)
	}
	// Nothing that lets anybody in, nor what it is kept as.
	db, err := sql.Open("sqlite", filepath.Join(folder, "qrlogin.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT id FROM sessions UNION SELECT hash FROM refresh_tokens UNION SELECT challenge FROM logins`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	secrets := []string{tokens.AccessToken, *tokens.RefreshToken}
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, hash)
	}
	if err := rows.Err(); err != nil || len(secrets) < 6 {
		t.Fatalf("%d secrets to look for: %v", len(secrets), err)
	}
	for _, secret := range secrets {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the export has %s", secret)
		}
	}
}

func TestADeletedAccountLeavesNothingAndNothingGoesOn(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, _ := listening(base)
	folder, kept := inFolder(t)
	w := newWorld(t, kept, withPrivateNetworks, withClient(wiki))
	p, v := w.phone(distinct), w.visitor()
	second := w.rawPhone().enrolled(distinct)
	if err := p.AllowDevice(t.Context(), second.id()); err != nil {
		t.Fatal(err)
	}
	sub := claimsOf(t, *w.login(second).IdToken)["sub"]
	raw, err := p.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all api.AccountExport
	answer{Body: raw}.decode(t, &all)

	home := v.home(p, "scope", offline)
	code := w.visitor().code(p, "scope", offline)
	approved, claimed := w.start(), w.start()
	second.approve(approved)
	frame := w.frame(claimed)
	claim := second.claimBy(frame)
	if err := p.DeleteAccount(t.Context()); err != nil {
		t.Fatal(err)
	}

	w.poll(approved, "").wants(t, "an approved challenge", http.StatusBadRequest, "invalid_grant")
	w.redeem(code).wants(t, "a code", http.StatusBadRequest, "invalid_grant")
	w.sendDecision(second.signed(claim, "approve")).wants(t, "a decision", http.StatusUnauthorized, "device-unknown")
	w.wantActive("a login", home, false)
	w.refresh(*home.RefreshToken).wants(t, "a refresh", http.StatusBadRequest, "invalid_grant")
	v.wantAsks("the session", asking(), "scan")
	second.send(http.MethodGet, "/phone/account", nil).wants(t, "the other phone", http.StatusUnauthorized, "device-unknown")
	for range 2 {
		if told := <-heard; told.site != "wiki" {
			t.Errorf("%s is told", told.site)
		}
	}
	// A phone of somebody else comes upon the code of the deleted account's login: nothing is kept of whose it was.
	w.rawPhone().enrolled("+8613800138001").scan(frame).wants(t, "a stranger", http.StatusConflict, "claimed-by-another")
	for _, text := range []string{all.Account.Id, p.ID(), second.id(), all.Logins[0].Id} {
		if lies(t, folder, []byte(text)) {
			t.Errorf("%q is left", text)
		}
	}
	wantNoNumber(t, folder, distinct)

	again := w.rawPhone().enrolled(distinct)
	if claimsOf(t, *w.login(again).IdToken)["sub"] == sub {
		t.Error("the sites know the number's new account")
	}
}

// SECURITY.md §5: a number may have been given to somebody else.
func TestANumberThatComesBackAfterHalfAYearIsSomebodyNew(t *testing.T) {
	t.Parallel()
	base, heard := backchannel(t, 0)
	wiki, _ := listening(base)
	folder, kept := inFolder(t)
	w := newWorld(t, kept, withPrivateNetworks, withClient(wiki))
	old := w.phone("+8613800138000")
	tokens := w.visitor().tokens(old, "scope", offline)

	execute(t, folder, `UPDATE devices SET last_seen_at = last_seen_at - $1`, identity.Dormancy.Milliseconds())
	heir := w.phone("+8613800138000")
	if got := claimsOf(t, *w.visitor().tokens(heir).IdToken)["sub"]; got == claimsOf(t, *tokens.IdToken)["sub"] {
		t.Error("the sites take the one for the other")
	}
	w.wantActive("the former owner's login", tokens, false)
	if told := <-heard; told.site != "wiki" {
		t.Errorf("%s is told", told.site)
	}
	if _, err := old.Account(t.Context()); err == nil {
		t.Error("the former owner's phone is known")
	}
	if events, err := heir.Events(t.Context()); err != nil || len(events) != 1 {
		t.Errorf("the heir is told %+v %v", events, err)
	}
}
