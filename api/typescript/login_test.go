package typescript

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"qrlogin/mobile-sim/phone"
)

const logins = "../../docs/api.md"

// Each prints the code that it shows, or the picture's file name, and at last what the provider tells of the person.
func TestTheLoginInTypeScriptWorks(t *testing.T) {
	build(t)
	logIn(t, exec.CommandContext(t.Context(), "node", "build/login.js"))
}

func TestTheLoginInGoWorks(t *testing.T) {
	program := filepath.Join(t.TempDir(), "main.go")
	write(t, program, shown(t, logins, "go")[0])
	logIn(t, exec.CommandContext(t.Context(), "go", "run", program)) // here, so that it is this module's package api
}

func TestTheLoginByCurlWorks(t *testing.T) {
	command := exec.CommandContext(t.Context(), "sh", "-c", shown(t, logins, "sh")[0])
	command.Dir = t.TempDir()
	logIn(t, command)
}

// The half of the code flow that is not the browser's.
func TestACodeIsRedeemedInTypeScript(t *testing.T) {
	build(t)
	p := newProvider(t)
	resources := strings.Join(apis, " ")
	command := exec.CommandContext(t.Context(), "node", "build/redeem.js")
	command.Env = append(p.environment(),
		"CODE="+p.code(resources), "CODE_VERIFIER="+verifier, "REDIRECT_URI="+callback)
	command.Stderr = os.Stderr
	said, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	wantPerson(t, string(said))
}

func TestTheDocumentationShowsTheFilesThatAreRun(t *testing.T) {
	var files []string
	for _, name := range []string{"client.ts", "login.ts", "redeem.ts"} {
		files = append(files, read(t, name))
	}
	if got := shown(t, logins, "ts"); !slices.Equal(got, files) {
		t.Errorf("docs/api.md shows other TypeScript than api/typescript has:\n%s", strings.Join(got, "\n"))
	}
}

func logIn(t *testing.T, command *exec.Cmd) {
	t.Helper()
	wantPerson(t, run(t, command))
}

// run starts a program that begins a challenge, has the phone scan and approve what it shows, and returns what it says after that.
func run(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	p := newProvider(t)
	command.Env, command.Stderr = p.environment(), os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	code, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("it shows no code: %v", err)
	}
	code = strings.TrimSpace(code)
	if strings.HasSuffix(code, ".png") {
		picture := read(t, filepath.Join(command.Dir, code))
		if code, err = phone.ReadPicture(strings.NewReader(picture)); err != nil {
			t.Fatal(err)
		}
	}
	p.approve(code)
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

func wantPerson(t *testing.T, said string) {
	t.Helper()
	if !strings.Contains(said, `"sub":"`) || !strings.Contains(said, `"phone_number":"`+number+`"`) {
		t.Errorf("the person is not told of: %s", said)
	}
}

// build generates the client and checks the types of what uses it.
func build(t *testing.T) {
	t.Helper()
	for _, source := range []string{"../../openapi.yaml", "package-lock.json", "client.ts", "login.ts", "redeem.ts"} {
		read(t, source) // or go test would not know that its cached result depends on them
	}
	if said, err := built(); err != nil {
		t.Fatalf("npm run build: %v\n%s", err, said)
	}
}

var built = sync.OnceValues(func() ([]byte, error) { return exec.Command("npm", "run", "build").CombinedOutput() })

// shown is the blocks of a language in a document.
func shown(t *testing.T, document, language string) []string {
	t.Helper()
	var blocks []string
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, document), -1) {
		blocks = append(blocks, block[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("%s shows no %s", document, language)
	}
	return blocks
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
