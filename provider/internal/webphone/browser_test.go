package webphone_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// kept is all that a script of the page can read, as JSON.
const kept = `(async () => {
	const open = (name) => new Promise((then) => { const r = indexedDB.open(name); r.onsuccess = () => then(r.result); });
	const all = (request) => new Promise((then) => { request.onsuccess = () => then(request.result); });
	const database = {};
	for (const { name } of await indexedDB.databases()) {
		const db = await open(name);
		for (const store of db.objectStoreNames) {
			const s = db.transaction(store).objectStore(store), keys = await all(s.getAllKeys()), values = await all(s.getAll());
			keys.forEach((key, n) => { database[key] = values[n]; });
		}
		db.close();
	}
	const cached = {};
	for (const name of await caches.keys()) cached[name] = (await (await caches.open(name)).keys()).map(({ url }) => url);
	return { database, cached, local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie };
})()`

// The key stays: what a script can copy out of the page is not enough to approve anywhere else.
func TestPhoneCannotBeCopiedByWhatAScriptCanRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	victim := newHandset(t, w)
	victim.enrol("+8613800138040", 0)
	for _, format := range []string{"pkcs8", "jwk", "raw"} {
		leak := `(async () => { const db = await new Promise((then) => { const r = indexedDB.open('qrlogin-phone'); r.onsuccess = () => then(r.result); });
			const { keys } = await new Promise((then) => { const r = db.transaction('kept').objectStore('kept').get('device'); r.onsuccess = () => then(r.result); });
			try { await crypto.subtle.exportKey('` + format + `', keys.privateKey); return 'exported'; } catch (error) { return error.name; } })()`
		if got := js[string](victim, leak); got != "InvalidAccessError" {
			t.Errorf("the private key as %s: %s", format, got)
		}
	}
	copied := js[string](victim, kept+".then(JSON.stringify)")
	if !strings.Contains(copied, `"jwk"`) || strings.Contains(copied, `"d"`) {
		t.Fatalf("copied %s", copied)
	}

	thief := newHandset(t, w)
	thief.open(w.issuer + "/phone")
	thief.on("welcome")
	js[bool](thief, `(async () => {
		const { database, local, session, cookie } = `+copied+`;
		const db = await new Promise((then) => { const r = indexedDB.open('qrlogin-phone', 1); r.onsuccess = () => then(r.result); });
		const transaction = db.transaction('kept', 'readwrite');
		for (const [key, value] of Object.entries(database)) transaction.objectStore('kept').put(value, key);
		await new Promise((then) => { transaction.oncomplete = then; });
		db.close();
		Object.assign(localStorage, local);
		Object.assign(sessionStorage, session);
		document.cookie = cookie;
		return true;
	})()`)
	login := w.start("shop")
	thief.follow(login.here())
	thief.says(thief.word("problem.title"))
	if login.state() != "pending" || w.times("POST /phone/decisions") != 0 {
		t.Error("the copy has scanned")
	}
	// The phone itself still can.
	victim.follow(login.frame())
	victim.on("consent")
	victim.press("consent.approve")
	victim.on("approved")
	victim.close()
}

func TestPhoneAsksNobodyButTheProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138041", 0)
	login := w.start("shop")
	link := login.frame()
	landed := w.issuer + "/phone?q=" + strings.TrimPrefix(link, w.issuer+"/q/")
	p.follow(link)
	p.on("consent")
	p.press("consent.approve")
	p.on("approved")
	for _, screen := range []string{"logins", "phones", "events", "account", "help"} {
		p.menu("home."+screen, screen)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.requests {
		if !strings.HasPrefix(url, w.issuer+"/") && !strings.HasPrefix(url, "about:") {
			t.Errorf("asked for %s", url)
		}
		if url != link && url != landed && (strings.Contains(url, login.ChallengeId) || strings.Contains(url, "#")) {
			t.Errorf("a code is in an address: %s", url)
		}
	}
}

func TestPhoneRunsNothingThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	for name, attempt := range map[string]string{
		"markup":           `document.body.innerHTML = '<b>x</b>'`,
		"markup of a kind": `document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=1>')`,
		"eval":             `(0, eval)('1')`,
		"a function":       `new Function('1')()`,
		"a timer of text":  `setTimeout('1')`,
		"a script":         `Object.assign(document.createElement('script'), { src: 'https://evil.example/x.js' })`,
		"a worker":         `new Worker('/widget.js')`,
		"a policy":         `trustedTypes.createPolicy('mine', { createHTML: (s) => s })`,
		"another of ours":  `trustedTypes.createPolicy('qrlogin', { createHTML: (s) => s })`,
	} {
		// In a turn of the page's own: the test's evaluation is bound by no policy.
		if got := js[string](p, `new Promise((then) => setTimeout(() => { try { `+attempt+`; then('done'); } catch (error) { then(error.name); } }))`); got != "TypeError" && got != "EvalError" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if js[string](p, `(() => { const s = document.createElement('script'); s.append('window.__ran = true'); try { document.body.append(s); } catch {} return String(window.__ran); })()`) != "undefined" {
		t.Error("an inline script ran")
	}
	if got := js[string](p, `fetch('https://evil.example/').then(() => 'sent', (error) => error.name)`); got != "TypeError" {
		t.Errorf("a request to somebody else: %s", got)
	}
	if got := js[bool](p, `new Promise((then) => { addEventListener('securitypolicyviolation', ({ violatedDirective }) => then(violatedDirective === 'form-action'), { once: true });
		const f = document.createElement('form'); f.action = '/x'; f.method = 'post'; document.body.append(f); f.submit(); })`); !got {
		t.Error("a form was sent")
	}
}

func TestPhoneIsInNoFrame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138042", 0)
	login := w.start("shop")
	framing := fmt.Sprintf(`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Win a prize</title><iframe src="%s"></iframe>`, login.here())
	w.intercept("GET /trap", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(framing))
	})
	p.open(w.issuer + "/trap")
	p.await("document.readyState === 'complete'")
	if w.times("POST /phone/scans") != 0 || login.state() != "pending" {
		t.Error("it works in a frame")
	}
	// A browser that heeds none of the headers: the page itself does not begin.
	bare := strings.NewReplacer("{issuer}", w.issuer).Replace(js[string](p, "fetch('/phone').then((answer) => answer.text())"))
	w.intercept("GET /phone", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(bare))
	})
	js[bool](p, "navigator.serviceWorker.getRegistrations().then((all) => Promise.all(all.map((r) => r.unregister()))).then(() => true)")
	p.open(w.issuer + "/trap")
	p.await("frames[0].document.querySelector('h1')")
	if heading := js[string](p, "frames[0].document.querySelector('h1').textContent"); heading != p.word("framed.title") {
		t.Errorf("in a frame it says %q", heading)
	}
	if w.times("POST /phone/scans") != 0 || login.state() != "pending" {
		t.Error("it works in a frame")
	}
}

func TestPhoneSaysThatABrowserKeepsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, script := range map[string]string{
		"no database":  "Object.defineProperty(window, 'indexedDB', { get: () => { throw new DOMException('', 'SecurityError'); } });",
		"refused":      "IDBFactory.prototype.open = () => { throw new DOMException('', 'InvalidStateError'); };",
		"keeps no key": "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'DataCloneError'); };",
	} {
		p := newHandset(t, w)
		p.inject(script)
		p.open(w.issuer + "/phone")
		p.on("stopped")
		p.says("This browser keeps nothing")
		p.close()
		_ = name
	}
	p := newHandset(t, w)
	p.inject("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined });")
	p.open(w.issuer + "/phone")
	p.says("This page needs https")
	p.close()
}

func (p *handset) online(yes bool) {
	p.t.Helper()
	call(p, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: !yes, DownloadThroughput: -1, UploadThroughput: -1})
}

// ownWorker waits until the service worker has the shell.
func (p *handset) ownWorker() {
	p.t.Helper()
	js[bool](p, "navigator.serviceWorker.ready.then(() => true)")
	p.await("navigator.serviceWorker.controller")
}

func TestPhoneOpensWithoutANetworkAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138043", 0)
	p.ownWorker()
	if cached := js[[]string](p, kept+".then(({ cached }) => Object.values(cached).flat())"); len(cached) == 0 || slices.ContainsFunc(cached, func(url string) bool {
		path := strings.TrimPrefix(url, w.issuer)
		return path != "/phone" && !strings.HasPrefix(path, "/phone/app.") && !strings.HasPrefix(path, "/phone/icon-")
	}) {
		t.Errorf("cached: %v", cached)
	}
	w.down(true)
	p.online(false)
	p.open(w.issuer + "/phone")
	p.on("home")
	p.says("No network")
	p.says(p.word("problem.offline"))
	p.enter("home.logins")
	p.says(p.word("problem.offline.title"))
	w.down(false)
	p.online(true)
	p.says(p.word("logins.none")) // by itself
	p.close("ERR_", "net::", "Failed to fetch")
}

func TestPhoneUpdatesItsShellWhenItChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.ownWorker()
	before := js[[]string](p, "caches.keys()")
	worker := js[string](p, "fetch('/phone/sw.js').then((answer) => answer.text())")
	changed := strings.Replace(worker, `"shell `, `"shell newer `, 1)
	w.intercept("GET /phone/sw.js", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		rw.Header().Set("Service-Worker-Allowed", "/phone")
		_, _ = rw.Write([]byte(changed))
	})
	js[bool](p, "navigator.serviceWorker.getRegistration('/phone').then((r) => r.update()).then(() => true)")
	p.await("caches.keys().then((names) => names.length === 1 && names[0].startsWith('shell newer'))")
	if len(before) != 1 {
		t.Errorf("caches before: %v", before)
	}
	p.close()
}

func TestPhoneIsInstallable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.open(w.issuer + "/phone")
	p.on("welcome")
	p.ownWorker()
	manifest, err := chromedp.Call(p.ctx, page.GetAppManifest, page.GetAppManifestParams{})
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range manifest.Errors {
		t.Errorf("the manifest: %+v", complaint)
	}
	found, err := chromedp.Call(p.ctx, page.GetInstallabilityErrors, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range found.InstallabilityErrors {
		if complaint.ErrorID != "in-incognito" { // each phone of the tests has a profile that is kept nowhere
			t.Errorf("not installable: %+v", complaint)
		}
	}
}
