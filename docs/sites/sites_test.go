package sites

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// recipes is each folder that a test can run, the programs that it needs, and how it is started once the site's environment is
// set: the environment is all that a recipe is told.
var recipes = []struct {
	folder string
	needs  []string
	start  func(*site)
}{
	{"go", nil, func(s *site) {
		binary := filepath.Join(s.temp, "site")
		s.run("go", "build", "-o", binary, ".")
		s.serve(binary)
	}},
	{"node", []string{"node", "npm"}, func(s *site) {
		s.run("npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
		s.serve("node", "main.mjs")
	}},
	{"apache", []string{"apache2"}, startApache},
}

// Each recipe's page is shown to nobody; then to a person whose phone has read the code on the screen, with the sub of the ID
// token; and when the person logs out, to nobody again, and the phone says so.
func TestEachRecipesSiteIsLoggedInToAndOutOfInARealBrowser(t *testing.T) {
	if chromium == "" {
		return
	}
	w := newWorld(t)
	subs := make(chan string, len(recipes))
	t.Run("site", func(t *testing.T) {
		for _, recipe := range recipes {
			if lacks(recipe.folder, recipe.needs) {
				continue
			}
			t.Run(recipe.folder, func(t *testing.T) {
				t.Parallel()
				s := w.site(t, recipe.folder)
				recipe.start(s)
				subs <- s.logInAndOut()
			})
		}
	})
	close(subs)
	seen := map[string]bool{}
	for sub := range subs { // pairwise: it is one person everywhere, and no two sites can tell
		if seen[sub] {
			t.Errorf("two sites see the sub %s", sub)
		}
		seen[sub] = true
	}
}

func (s *site) logInAndOut() (sub string) {
	s.t.Helper()
	b := s.world.openWindow(s.t)
	sub = s.logIn(b)
	if s.told { // a login that is ended on the phone is over at the site
		s.endOnThePhone()
		s.shownToNobody(b)
		if again := s.logIn(b); again != sub {
			s.t.Errorf("the sub was %s and is %s", sub, again)
		}
	}
	b.press("a[href*=logout], form[action='/logout'] button")
	b.await("!document.body.innerText.includes('" + sub + "')")
	eventually(s.t, "the phone says that no login is open", func() bool { return len(s.open()) == 0 })
	s.shownToNobody(b)
	return sub
}

// logIn opens the site, and the phone approves what it reads from the screen.
func (s *site) logIn(b *window) (sub string) {
	s.t.Helper()
	s.shownToNobody(b)
	claim := b.scanScreen(s.world.phone)
	if claim.Consent.Client.Name != s.name {
		s.t.Errorf("the phone shows %+v", claim.Consent.Client)
	}
	if err := s.world.phone.Approve(s.t.Context(), claim); err != nil {
		s.t.Fatal(err)
	}
	b.await("location.origin === '" + s.base + "' && document.title === 'The site'")
	sub = s.world.subject(s.t, s.id)
	b.do(chromedp.Navigate(s.base + "/")) // and it remembers
	if said := b.text(); !strings.Contains(said, sub) || !strings.Contains(said, phoneNumber) {
		s.t.Errorf("the site does not show %s and %s:\n%s", sub, phoneNumber, said)
	}
	return sub
}

// shownToNobody opens the site and is at the provider.
func (s *site) shownToNobody(b *window) {
	s.t.Helper()
	eventually(s.t, "the site asks for a login", func() bool {
		b.do(chromedp.Navigate(s.base + "/"))
		return b.is("location.origin === '" + s.world.issuer + "' && document.querySelector('qr-login')")
	}, b.text)
}

// open is the logins at the site that have not ended, as the phone lists them.
func (s *site) open() (ids []string) {
	s.t.Helper()
	logins, err := s.world.phone.Logins(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range logins {
		if l.Client.Id == s.id && l.EndedAt == nil {
			ids = append(ids, l.Id)
		}
	}
	return ids
}

func (s *site) endOnThePhone() {
	s.t.Helper()
	open := s.open()
	if len(open) != 1 {
		s.t.Fatalf("%d logins are open", len(open))
	}
	if err := s.world.phone.EndLogin(s.t.Context(), open[0]); err != nil {
		s.t.Fatal(err)
	}
}

// startApache starts Debian's Apache with a configuration of its own around the recipe's.
func startApache(s *site) {
	dir := s.public()
	if err := os.CopyFS(filepath.Join(dir, "www"), os.DirFS(filepath.Join(s.folder, "www"))); err != nil {
		s.t.Fatal(err)
	}
	recipe, err := filepath.Abs(filepath.Join(s.folder, "site.conf"))
	if err != nil {
		s.t.Fatal(err)
	}
	var around strings.Builder
	for _, module := range []string{
		"mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "alias", "dir", "mime", "filter", "include", "env",
	} {
		around.WriteString("LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n")
	}
	around.WriteString(`
Listen ` + net.JoinHostPort("127.0.0.1", s.port) + `
ServerName localhost
DefaultRuntimeDir ` + dir + `
PidFile ` + dir + `/pid
ErrorLog ` + s.log + `
User www-data
Group www-data
TypesConfig /etc/mime.types
DocumentRoot ` + dir + `/www
Include ` + recipe + "\n")
	if err := os.WriteFile(filepath.Join(dir, "apache2.conf"), []byte(around.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "PASSPHRASE=a-passphrase-for-a-test-alone")
	s.serve("apache2", "-D", "FOREGROUND", "-f", filepath.Join(dir, "apache2.conf"))
}
