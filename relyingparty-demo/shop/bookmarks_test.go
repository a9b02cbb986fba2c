package shop

import (
	"net/http"
	"strings"
	"testing"
)

const bookmarkFile = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><H3>陶 &amp; 瓷</H3><DL><p>" +
	`<DT><A HREF="https://example.org/?a=1&amp;b=2">Kilns &lt;b&gt;</A><DT><A HREF="javascript:alert(document.cookie)">Win</A></DL><p></DL>`

const pageKey = `{"jwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}`

func (b *browser) imports(mediaType, file string) int {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.url+"/bookmarks", strings.NewReader(file))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	return b.send(req).StatusCode
}

func (b *browser) asksForBookmarks(body string) reply {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.url+"/bookmarks/challenge", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.send(req)
}

func TestBookmarksAreKeptForTheMemberAndNothingInThemRuns(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	if r := b.get("/bookmarks"); r.StatusCode != http.StatusOK || !strings.Contains(r.body, "None yet.") {
		t.Fatalf("before: %d %s", r.StatusCode, r.body)
	}
	if status := b.imports("text/html", bookmarkFile); status != http.StatusNoContent {
		t.Fatalf("the import: %d", status)
	}
	page := b.get("/bookmarks").body
	for _, want := range []string{
		"2 bookmarks in 1 folders", "<summary>陶 &amp; 瓷</summary>", `<a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer nofollow">Kilns &lt;b&gt;</a>`,
		"<small>example.org</small>", `<span class="inert">Win</span>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
	if strings.Contains(page, "javascript:") {
		t.Error("the page has the script's address")
	}
	// A second import takes the first one's place; another member has neither.
	b.imports("text/html; charset=utf-8", strings.Replace(bookmarkFile, "Kilns", "Wheels", 1))
	if page := b.get("/bookmarks").body; strings.Contains(page, "Kilns") || !strings.Contains(page, "Wheels") {
		t.Error("the first import is still there, or the second is not")
	}
	if status := w.browser(t).imports("text/html", bookmarkFile); status != http.StatusUnauthorized {
		t.Errorf("nobody imports: %d", status)
	}
	if r := w.browser(t).get("/bookmarks"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("nobody looks: %d", r.StatusCode)
	}
}

func TestWhatIsNoBookmarkFileIsNotImported(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	for what, c := range map[string]struct {
		mediaType, file string
		status          int
	}{
		"a picture":        {"image/png", bookmarkFile, http.StatusUnsupportedMediaType},
		"another page":     {"text/html", "<!doctype html><p>hello", http.StatusUnprocessableEntity},
		"a very long file": {"text/html", bookmarkFile + strings.Repeat(" ", bookmarksLimit), http.StatusRequestEntityTooLarge},
	} {
		if status := b.imports(c.mediaType, c.file); status != c.status {
			t.Errorf("%s: %d, want %d", what, status, c.status)
		}
	}
	if page := b.get("/bookmarks").body; !strings.Contains(page, "None yet.") {
		t.Error("something was imported")
	}
}

func TestAHandoffIsForTheMembersOwnPhone(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.logIn(w)
	r := b.asksForBookmarks(pageKey)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("the challenge: %d %s", r.StatusCode, r.body)
	}
	asked := w.provider.newest()
	if asked.hint == "" {
		t.Error("the provider is not told who is logged in")
	}
	w.provider.decide(asked.id, "approve")
	if r := b.post("/bookmarks/finish"); r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"status":"done"`) {
		t.Errorf("the finish: %d %s", r.StatusCode, r.body)
	}
	if page := b.get("/account").body; !strings.Contains(page, "your account is new") { // no second visit was counted
		t.Error("the handoff was counted as a login")
	}
	// A phone that is somebody else's, by whatever fault of the provider, hands nothing over here.
	b.asksForBookmarks(pageKey)
	w.provider.claims = func(c map[string]any) { c["sub"] = "somebody else" }
	w.provider.decide(w.provider.newest().id, "approve")
	if r := b.post("/bookmarks/finish"); r.StatusCode == http.StatusOK {
		t.Errorf("another's phone: %d %s", r.StatusCode, r.body)
	}
	for what, body := range map[string]string{"no key": "{", "nothing": "", "much": `{"jwk":{"x":"` + strings.Repeat("a", 5000) + `"}}`} {
		if r := b.asksForBookmarks(body); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", what, r.StatusCode)
		}
	}
	if r := w.browser(t).asksForBookmarks(pageKey); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody asks: %d", r.StatusCode)
	}
}
