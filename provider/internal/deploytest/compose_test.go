package deploytest

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"qrlogin/provider/internal/testenv"
)

// composition is what these tests look at in a compose file.
type composition struct {
	Services map[string]service
	Networks map[string]struct {
		Internal bool
		IPAM     struct{ Config []struct{ Subnet string } }
	}
	Volumes map[string]any
	Secrets map[string]struct{ File string }
}

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	Environment map[string]string
	Command     []string
	Secrets     []string
	Volumes     []string
	Ports       []string
	Networks    any
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	StopGrace   string `yaml:"stop_grace_period"`
	ReadOnly    bool   `yaml:"read_only"`
}

func compose(t *testing.T, file string) (c composition) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "deploy/compose/"+file)), &c); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	return c
}

// secretFiles runs secrets.sh in a copy of the folder.
func secretFiles(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	write(t, folder+"/secrets.sh", read(t, "deploy/compose/secrets.sh"))
	if out, err := exec.CommandContext(t.Context(), "sh", folder+"/secrets.sh").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

var variable = regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`)

// composedEnv is a provider's environment as compose.yaml has it where nothing else is said, with files where its containers find them.
func composedEnv(t *testing.T, secrets string) (env []string) {
	t.Helper()
	for name, value := range compose(t, "compose.yaml").Services["provider-1"].Environment {
		value = variable.ReplaceAllString(value, "$2")
		env = append(env, name+"="+strings.Replace(value, "file:/run/secrets/", "file:"+secrets+"/", 1))
	}
	return env
}

func TestWhatComposeNamesIsThere(t *testing.T) {
	c := compose(t, "compose.yaml")
	wantsSettings(t, "compose.yaml", slices.Collect(maps.Keys(c.Services["provider-1"].Environment)))
	made := secretFiles(t)
	for name, secret := range c.Secrets {
		info, err := os.Stat(filepath.Join(made, secret.File))
		if err != nil || info.Mode() != 0o444 {
			t.Errorf("secrets.sh makes no %s that a container can read: %v", name, err)
		}
	}
	if info, err := os.Stat(filepath.Join(made, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may enter the folder of the secrets: %v", err)
	}
	used := map[string]bool{}
	for _, file := range []string{"compose.yaml", "compose.override.yaml", "compose.https.yaml"} {
		part := compose(t, file)
		for name, s := range part.Services {
			if _, known := c.Services[name]; !known {
				t.Errorf("%s: there is no service %s to add to", file, name)
			}
			for _, secret := range s.Secrets {
				if used[secret] = true; c.Secrets[secret].File == "" {
					t.Errorf("%s has no secret %s", name, secret)
				}
			}
			for other, d := range s.DependsOn {
				if d.Condition != "service_healthy" || c.Services[other].Healthcheck.Test == nil {
					t.Errorf("%s waits for %s: %s", name, other, d.Condition)
				}
			}
			for _, volume := range s.Volumes {
				from, _, _ := strings.Cut(volume, ":")
				if !strings.HasPrefix(from, ".") {
					if _, known := c.Volumes[from]; !known {
						t.Errorf("%s has no volume %s", name, from)
					}
				} else if from != "./tls" { // the operator's
					read(t, filepath.Join("deploy/compose", from))
				}
			}
			if s.Build.Dockerfile != "" {
				read(t, filepath.Join("deploy/compose", s.Build.Context, s.Build.Dockerfile))
			}
			for _, port := range s.Ports {
				if name != "proxy" || file == "compose.override.yaml" && !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s", file, name, port)
				}
			}
		}
	}
	for name := range c.Secrets {
		if !used[name] {
			t.Errorf("nobody uses the secret %s", name)
		}
	}
	for _, name := range []string{"provider-1", "provider-2", "provider-3"} {
		s := c.Services[name]
		if !slices.Equal(s.Healthcheck.Test, append([]string{"CMD"}, append(slices.Clone(built(t).health), "--ready")...)) || !s.ReadOnly || s.StopGrace != "15s" {
			t.Errorf("%s: %+v", name, s)
		}
		if !strings.Contains(read(t, "deploy/compose/upstream.conf"), "server "+name+":9000 ") {
			t.Errorf("nginx does not know %s", name)
		}
	}
}

// The providers believe X-Forwarded-For of one address, which must be nginx's.
func TestComposedProvidersTrustNginxAlone(t *testing.T) {
	c := compose(t, "compose.yaml")
	subnet := netip.MustParsePrefix(c.Networks["front"].IPAM.Config[0].Subnet)
	address := func(service string) string {
		front, _ := c.Services[service].Networks.(map[string]any)["front"].(map[string]any)
		fixed, _ := front["ipv4_address"].(string)
		if ip, err := netip.ParseAddr(fixed); err != nil || !subnet.Contains(ip) {
			t.Errorf("%s has the address %q", service, fixed)
		}
		return fixed
	}
	given := map[string]bool{}
	for _, name := range []string{"proxy", "provider-1", "provider-2", "provider-3"} {
		given[address(name)] = true
		if got := c.Services[name].Environment["QRLOGIN_TRUSTED_PROXIES"]; name != "proxy" && got != address("proxy") {
			t.Errorf("%s trusts %s", name, got)
		}
	}
	if len(given) != 4 || !c.Networks["back"].Internal {
		t.Errorf("addresses %v, networks %+v", given, c.Networks)
	}
}

// startValkey runs a Redis or Valkey with the file that compose.yaml mounts and the password that secrets.sh made, and puts its address
// into the file with the store's URL.
func startValkey(t *testing.T, secrets string) *process {
	t.Helper()
	dir := t.TempDir()
	listen := freeAddress(t)
	write(t, dir+"/valkey.conf", put(t, read(t, "deploy/compose/valkey.conf"), "/run/secrets", secrets, "dir /data", "dir "+dir))
	p := start(t, exec.Command(redis, dir+"/valkey.conf", "--port", port(listen), "--bind", "127.0.0.1"))
	p.answers(t, listen)
	into(t, secrets+"/store-url", put(t, fileText(secrets+"/store-url")(), "valkey:6379", listen))
	return p
}

// into writes anew what nobody should.
func into(t *testing.T, file, content string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	write(t, file, content)
}

func TestValkeyWantsThePasswordAndKeepsALog(t *testing.T) {
	if redis == "" {
		return
	}
	secrets := filepath.Join(secretFiles(t), "secrets")
	startValkey(t, secrets)
	_, address, _ := strings.Cut(strings.TrimSpace(fileText(secrets+"/store-url")()), "@")
	password := strings.TrimSpace(strings.TrimPrefix(fileText(secrets+"/valkey-password")(), "requirepass"))
	conn, err := net.Dial("tcp", strings.TrimSuffix(address, "/0"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range []struct{ say, want string }{
		{"PING", "-NOAUTH"}, {"AUTH " + password, "+OK"}, {"CONFIG GET appendonly", "yes"}, {"CONFIG GET maxmemory-policy", "noeviction"}, {"CONFIG GET save", "$0"},
	} {
		if _, err := conn.Write([]byte(c.say + "\r\n")); err != nil {
			t.Fatal(err)
		}
		var said string
		for buffer := make([]byte, 512); !strings.Contains(said, c.want); {
			n, err := conn.Read(buffer)
			if said += string(buffer[:n]); err != nil || len(said) > 400 {
				t.Errorf("%.6s: %s %v", c.say, said, err)
				break
			}
		}
	}
}

// composedStores starts a Valkey and a PostgreSQL as compose.yaml has them, and answers the environment of a provider that uses them.
func composedStores(t *testing.T) (env []string) {
	t.Helper()
	secrets := filepath.Join(secretFiles(t), "secrets")
	startValkey(t, secrets)
	database, stop, err := testenv.Postgres(postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	into(t, secrets+"/database-url", database+"\n")
	return composedEnv(t, secrets)
}
