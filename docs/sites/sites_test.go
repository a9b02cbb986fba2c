package sites

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
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
	{"python", []string{debianPython + "authlib", debianPython + "flask", debianPython + "requests"}, func(s *site) {
		s.env = append(s.env, "SESSION_KEY=a-key-for-a-test-alone")
		s.serve("/usr/bin/python3", "main.py")
	}},
	{"nginx-oauth2-proxy", []string{"nginx"}, startNginx},
	{"apache", []string{"apache2", apacheModules + "mod_auth_openidc.so"}, func(s *site) { startApache(s, "mpm_event") }},
	{"php", []string{"apache2", apacheModules + "mod_auth_openidc.so", apachePHP}, func(s *site) {
		startApache(s, "mpm_prefork", "php")
	}},
}

const (
	debianPython  = "/usr/lib/python3/dist-packages/"
	apacheModules = "/usr/lib/apache2/modules/"
	apachePHP     = apacheModules + "libphp*.so"
)

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
	b.press("Log out")
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
	if _, err := s.world.phone.Approve(s.t.Context(), claim, phone.Approval{}); err != nil {
		s.t.Fatal(err)
	}
	b.await("location.origin === '" + s.base + "' && document.title === 'The site'")
	sub = s.world.subject(s.t, s.id)
	b.do(chromedp.Navigate(s.base + "/")) // and it remembers
	said := b.text()
	if !strings.Contains(said, sub) {
		s.t.Errorf("the site does not show %s:\n%s", sub, said)
	}
	if asked := slices.Contains(claim.Consent.Scopes, "phone"); asked != strings.Contains(said, phoneNumber) {
		s.t.Errorf("the site asked for the number: %t; it shows:\n%s", asked, said)
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

// startApache starts Debian's Apache with a configuration of its own around that of the recipe for Apache, and its pages with
// those of this recipe.
func startApache(s *site, modules ...string) {
	dir := s.public()
	for _, folder := range slices.Compact([]string{"apache", s.folder}) {
		if err := os.CopyFS(filepath.Join(dir, "www"), os.DirFS(filepath.Join(folder, "www"))); err != nil {
			s.t.Fatal(err)
		}
	}
	recipe, err := filepath.Abs("apache/site.conf")
	if err != nil {
		s.t.Fatal(err)
	}
	var conf strings.Builder
	modules = append(modules, "authn_core", "authz_core", "authz_user", "auth_openidc", "alias", "dir", "mime", "filter", "include")
	for _, module := range modules {
		file := apacheModules + "mod_" + module + ".so"
		if module == "php" {
			files, _ := filepath.Glob(apachePHP)
			file = files[0]
		}
		fmt.Fprintf(&conf, "LoadModule %s_module %s\n", module, file)
	}
	fmt.Fprintf(&conf, `
Listen 127.0.0.1:%s
ServerName localhost
DefaultRuntimeDir %[2]s
PidFile %[2]s/pid
ErrorLog %[3]s
User www-data
Group www-data
TypesConfig /etc/mime.types
DocumentRoot %[2]s/www
<FilesMatch \.php$>
	SetHandler application/x-httpd-php
</FilesMatch>
Include %[4]s
`, s.port, dir, s.log, recipe)
	if err := os.WriteFile(filepath.Join(dir, "apache2.conf"), []byte(conf.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "PASSPHRASE=a-passphrase-for-a-test-alone")
	s.serve("apache2", "-D", "FOREGROUND", "-f", filepath.Join(dir, "apache2.conf"))
}

// startNginx starts Debian's nginx with the recipe's server, and oauth2-proxy in the version that the recipe names.
func startNginx(s *site) {
	s.env = append(s.env, "GOBIN="+s.temp)
	s.run("go", "install", regexp.MustCompile(`go install (\S+)`).FindStringSubmatch(s.readme())[1])
	proxy := freePort(s.t)
	s.env = append(s.env, "COOKIE_SECRET=0123456789abcdef0123456789abcdef", "PATH="+s.temp+":"+os.Getenv("PATH"), "PORT="+proxy)
	s.start("./oauth2-proxy.sh")
	s.listening(proxy)

	recipe, err := os.ReadFile(filepath.Join(s.folder, "site.conf"))
	if err != nil {
		s.t.Fatal(err)
	}
	www, err := filepath.Abs(filepath.Join(s.folder, "www"))
	if err != nil {
		s.t.Fatal(err)
	}
	here := strings.NewReplacer("127.0.0.1:8080", "127.0.0.1:"+s.port, "127.0.0.1:4180", "127.0.0.1:"+proxy, "/var/www/site", www)
	conf := fmt.Sprintf(`
daemon off;
user root;
pid %[1]s/pid;
error_log stderr;
events {}
http {
include /etc/nginx/mime.types;
access_log off;
client_body_temp_path %[1]s;
proxy_temp_path %[1]s;
fastcgi_temp_path %[1]s;
uwsgi_temp_path %[1]s;
scgi_temp_path %[1]s;
%[2]s
}
`, s.temp, here.Replace(string(recipe)))
	if err := os.WriteFile(filepath.Join(s.temp, "nginx.conf"), []byte(conf), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.serve("nginx", "-c", filepath.Join(s.temp, "nginx.conf"))
}
