package deploytest

import (
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// image is what the Dockerfile makes, with a folder for its root.
type image struct {
	root                            string
	files                           []string // what lies in it, with owners and rights
	uid, gid                        uint32
	base, workdir                   string
	env                             []string
	entrypoint, cmd, health, labels []string
	volumes, ports                  []string
}

// built follows the Dockerfile: its first stage on this machine, in the repository, with a folder for its /out; its second into a root.
// Once for all tests, and gone with them.
func built(t *testing.T) *image {
	t.Helper()
	i, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

var buildOnce = sync.OnceValues(func() (*image, error) {
	folder, err := os.MkdirTemp("", "image")
	if err != nil {
		return nil, err
	}
	atTheEnd = append(atTheEnd, func() { _ = os.RemoveAll(folder) })
	b := &builder{image: image{root: filepath.Join(folder, "root")}, out: filepath.Join(folder, "out"), args: map[string]string{
		"TARGETOS": runtime.GOOS, "TARGETARCH": runtime.GOARCH,
	}}
	if err := errors.Join(os.Chmod(folder, 0o755), os.Mkdir(b.root, 0o755), os.Mkdir(b.out, 0o755)); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/Dockerfile"))
	if err != nil {
		return nil, err
	}
	comments := regexp.MustCompile(`(?m)^#.*\n`)
	for line := range strings.Lines(strings.ReplaceAll(comments.ReplaceAllString(string(text), ""), "\\\n", "")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := b.step(line); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return &b.image, nil
})

type builder struct {
	image
	out   string
	args  map[string]string
	stage int // 1 builds, 2 is the image
}

func (b *builder) step(line string) error {
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch inStage := fmt.Sprint(b.stage, " ", name); inStage {
	case "0 ARG", "1 ARG":
		for arg := range strings.FieldsSeq(rest) {
			if name, value, set := strings.Cut(arg, "="); set {
				b.args[name] = value
			} else if _, known := b.args[name]; !known {
				return errors.New("an ARG without a value")
			}
		}
		return nil
	case "0 FROM":
		b.stage, b.base = 1, os.Expand(rest, func(name string) string { return b.args[name] })
		return nil
	case "1 WORKDIR":
		b.workdir = rest
		return nil
	case "1 ENV":
		b.env = append(b.env, strings.Fields(rest)...)
		return nil
	case "1 COPY":
		return nil // the repository is here
	case "1 RUN":
		return b.run(rest)
	case "1 FROM":
		if rest != "scratch" {
			return errors.New("the image is not from scratch")
		}
		b.stage, b.env = 2, nil
		return nil
	case "2 COPY":
		return b.copy(strings.Fields(rest))
	case "2 USER":
		n, err := fmt.Sscanf(rest, "%d:%d", &b.uid, &b.gid)
		if n != 2 {
			return err
		}
		return nil
	case "2 ENV":
		b.env = append(b.env, strings.Fields(rest)...)
		return nil
	case "2 VOLUME":
		b.volumes = append(b.volumes, strings.Fields(rest)...)
		return nil
	case "2 EXPOSE":
		b.ports = append(b.ports, strings.Fields(rest)...)
		return nil
	case "2 LABEL":
		b.labels = append(b.labels, rest)
		return nil
	case "2 ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &b.entrypoint)
	case "2 CMD":
		return json.Unmarshal([]byte(rest), &b.cmd)
	case "2 HEALTHCHECK":
		_, command, _ := strings.Cut(rest, "CMD ")
		return json.Unmarshal([]byte(command), &b.health)
	}
	return errors.New("this test does not know the instruction there")
}

// run runs what makes something in /out, on this machine. What does not is for Docker's cache. -trimpath is left out: everything would be
// compiled anew, for minutes, and it changes nothing but names of files in the binary.
func (b *builder) run(script string) error {
	if !strings.Contains(script, "/out/") {
		return nil
	}
	command := exec.Command("sh", "-c", strings.ReplaceAll(script, "/out/", b.out+"/"))
	command.Dir = root
	command.Env = os.Environ()
	for name, value := range b.args {
		command.Env = append(command.Env, name+"="+value)
	}
	for _, set := range b.env {
		if set != "GOFLAGS=-trimpath" {
			command.Env = append(command.Env, set)
		}
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// copy puts what the first stage has into the image, as Docker does.
func (b *builder) copy(words []string) error {
	uid, gid := 0, 0
	for ; strings.HasPrefix(words[0], "--"); words = words[1:] {
		switch option, value, _ := strings.Cut(words[0], "="); option {
		case "--from":
			if value != "build" {
				return errors.New("it copies from elsewhere")
			}
		case "--chown":
			if n, err := fmt.Sscanf(value, "%d:%d", &uid, &gid); n != 2 {
				return err
			}
		default:
			return errors.New("an option that this test does not know")
		}
	}
	if len(words) != 2 {
		return errors.New("not one thing to one place")
	}
	from, to := words[0], words[1]
	if inOut, ok := strings.CutPrefix(from, "/out/"); ok {
		from = filepath.Join(b.out, inOut)
	}
	target := filepath.Join(b.root, to)
	if strings.HasSuffix(to, "/") {
		target = filepath.Join(target, path.Base(words[0]))
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.CopyFS(target, os.DirFS(from))
		if mkdir := os.Mkdir(target, 0o755); !errors.Is(mkdir, fs.ErrExist) {
			err = errors.Join(err, mkdir)
		}
	} else {
		var content []byte
		if content, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(target, content, info.Mode().Perm())
		}
	}
	if err == nil && isRoot {
		err = os.Lchown(target, uid, gid)
	}
	b.files = append(b.files, fmt.Sprintf("%s %d:%d", strings.TrimPrefix(target, b.root), uid, gid))
	return err
}

// binary is the image's, to be run on this machine.
func (i *image) binary() string { return filepath.Join(i.root, i.entrypoint[0]) }

// command is what a container of the image does that is given these words; none is what it does by itself.
func (i *image) command(ctx context.Context, env []string, words ...string) *exec.Cmd {
	if len(words) == 0 {
		words = i.cmd
	}
	c := exec.CommandContext(ctx, i.entrypoint[0], append(i.entrypoint[1:], words...)...)
	c.Dir, c.Env = "/", append(slices.Clone(i.env), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: i.uid, Gid: i.gid, Groups: []uint32{}}}
	return c
}

func TestTheImageHoldsAStaticBinaryAndNothingElse(t *testing.T) {
	i := built(t)
	slices.Sort(i.files)
	if got, want := strings.Join(i.files, "\n"), "/data 65532:65532\n/etc/ssl/certs/ca-certificates.crt 0:0\n/provider 0:0"; got != want {
		t.Errorf("it holds\n%s\nand not\n%s", got, want)
	}
	binary, err := elf.Open(i.binary())
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: %s", p.Type)
		}
	}
	if binary.Section(".symtab") != nil {
		t.Error("the binary has a table of symbols")
	}
	// Where Go looks for certificates first.
	roots, err := os.ReadFile(filepath.Join(i.root, "etc/ssl/certs/ca-certificates.crt"))
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(roots) {
		t.Errorf("no certificate authority is known: %v", err)
	}
	if i.uid == 0 || i.gid == 0 || !slices.Equal(i.volumes, []string{"/data"}) || !slices.Equal(i.ports, []string{"9000", "9001"}) {
		t.Errorf("user %d:%d, volumes %v, ports %v", i.uid, i.gid, i.volumes, i.ports)
	}
}

// The version in go.mod may have a patch level; the image takes the newest of the same.
func TestTheImageIsBuiltByTheGoOfTheModule(t *testing.T) {
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if base := built(t).base; base != "--platform=$BUILDPLATFORM golang:"+wanted+" AS build" && base != "--platform= golang:"+wanted+" AS build" {
		t.Errorf("FROM %s; go.mod wants %s", base, wanted)
	}
}

// What .dockerignore lets into the build must be all that the provider is made of.
func TestTheImagesBuildIsGivenAllThatItNeeds(t *testing.T) {
	var let, not []*regexp.Regexp
	for line := range strings.Lines(read(t, ".dockerignore")) {
		line = strings.TrimSpace(line)
		pattern, again := strings.CutPrefix(line, "!")
		expression := strings.NewReplacer(`.`, `\.`, `**/`, `(.*/)?`, `*`, `[^/]*`).Replace(pattern)
		switch compiled := regexp.MustCompile(`^` + expression + `(/|$)`); {
		case line == "" || line == "*" || strings.HasPrefix(line, "#"):
		case again:
			let = append(let, compiled)
		default:
			not = append(not, compiled)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		`{{if .Module}}{{if .Module.Main}}{{$d := .ImportPath}}{{range .GoFiles}}{{$d}}/{{.}} {{end}}{{range .EmbedFiles}}{{$d}}/{{.}} {{end}}{{end}}{{end}}`, "./provider")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := append(strings.Fields(strings.ReplaceAll(string(out), "qrlogin/", "")), "go.mod", "go.sum")
	if len(files) < 100 {
		t.Fatalf("only %d files: %v", len(files), files)
	}
	matches := func(name string) func(*regexp.Regexp) bool {
		return func(r *regexp.Regexp) bool { return r.MatchString(name) }
	}
	for _, name := range files {
		if !slices.ContainsFunc(let, matches(name)) || slices.ContainsFunc(not, matches(name)) {
			t.Errorf("%s is kept from the build", name)
		}
	}
	for _, name := range []string{".git/config", "qrlogin-data/qrlogin.db", "deploy/compose/secrets/master-key", "provider/internal/webphone/node_modules/x"} {
		if slices.ContainsFunc(let, matches(name)) && !slices.ContainsFunc(not, matches(name)) {
			t.Errorf("%s is let into the build", name)
		}
	}
}

// From the first start of a container to its stop, as the image's user in the image's root, in which nothing but /data can be written to.
func TestAPhoneLogsInAtAContainer(t *testing.T) {
	if !isRoot {
		return
	}
	i := built(t)
	data := filepath.Join(i.root, "data")
	t.Cleanup(func() { // for another test, and -count
		left, _ := filepath.Glob(data + "/*")
		for _, name := range left {
			_ = os.Remove(name)
		}
	})
	listen := freeAddress(t)
	issuer := "http://" + listen
	env := []string{"QRLOGIN_LISTEN=" + listen, "QRLOGIN_ISSUER=" + issuer, "QRLOGIN_SMS=file:/data/sms", "QRLOGIN_OPERATOR_LISTEN=" + freeAddress(t)}
	p := start(t, i.command(t.Context(), env))
	p.answers(t, listen)

	var status syscall.Stat_t
	if err := syscall.Stat(fmt.Sprintf("/proc/%d", p.Process.Pid), &status); err != nil || status.Uid != i.uid || status.Gid != i.gid {
		t.Errorf("it runs as %d:%d, %v", status.Uid, status.Gid, err)
	}
	add := i.command(t.Context(), env)
	add.Args = add.Args[:1] // as `docker exec … /provider client add`
	s := addClient(t, add, http.DefaultClient, issuer)
	s.whole(enroll(t, http.DefaultClient, issuer, "+8613800138000", "", fileText(filepath.Join(data, "sms"))))

	if out, err := i.command(t.Context(), env, append(i.health[1:], "--ready")...).CombinedOutput(); err != nil {
		t.Errorf("health: %v %s", err, out)
	}

	// A backup needs no /tmp either.
	if out, err := i.command(t.Context(), env, "backup", "--to=/data/copy").CombinedOutput(); err != nil {
		t.Errorf("backup: %v %s", err, out)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.err != nil {
		t.Errorf("at SIGTERM it ended with %v", p.err)
	}
	for line := range strings.Lines(p.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is not JSON: %s", line)
		}
	}
}

// The image's health check, as Docker runs it.
func TestTheHealthCheckTellsAWellContainerFromASickOne(t *testing.T) {
	if !isRoot {
		return
	}
	i := built(t)
	well := map[string]bool{"/healthz": true, "/readyz": true}
	var mu sync.Mutex
	operator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !well[r.URL.Path] {
			http.Error(w, "the store is away", http.StatusServiceUnavailable)
		}
	}))
	defer operator.Close()
	_, port, _ := net.SplitHostPort(operator.Listener.Addr().String())
	check := func(more ...string) (int, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		command := i.command(ctx, []string{"QRLOGIN_OPERATOR_LISTEN=:" + port}, append(i.health[1:], more...)...)
		out, err := command.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return command.ProcessState.ExitCode(), string(out)
	}
	set := func(path string, ok bool) { mu.Lock(); well[path] = ok; mu.Unlock() }
	if i.health[0] != i.entrypoint[0] {
		t.Errorf("the health check runs %s", i.health[0])
	}
	if status, out := check(); status != 0 {
		t.Errorf("well: %d %s", status, out)
	}
	set("/readyz", false)
	if status, out := check(); status != 0 {
		t.Errorf("alive, and its stores are away: %d %s", status, out)
	}
	if status, out := check("--ready"); status != 1 || !strings.Contains(out, "the store is away") {
		t.Errorf("not ready: %d %s", status, out)
	}
	set("/healthz", false)
	if status, _ := check(); status != 1 {
		t.Errorf("sick: %d", status)
	}
	operator.Close()
	if status, _ := check(); status != 1 {
		t.Errorf("nobody answers: %d", status)
	}
}

// flagsOf is the environment variables that a command of the provider takes, from its own help.
func flagsOf(t *testing.T, words ...string) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), built(t).binary(), append(words, "--help")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, found := range regexp.MustCompile(`\(\$(QRLOGIN_[A-Z_]+)\)`).FindAllStringSubmatch(string(out), -1) {
		names[found[1]] = true
	}
	if len(names) == 0 {
		t.Fatalf("%v: no variable in %s", words, out)
	}
	return names
}

// wantsSettings checks names of environment variables against what the provider reads. A typo would go unnoticed otherwise: what nobody
// reads is no error.
func wantsSettings(t *testing.T, where string, names []string) {
	t.Helper()
	known := flagsOf(t, "serve")
	for _, name := range names {
		if strings.HasPrefix(name, "QRLOGIN_") && !known[name] {
			t.Errorf("%s sets %s, which the provider does not know", where, name)
		}
	}
}

func TestTheImageSetsWhatTheProviderReads(t *testing.T) {
	i := built(t)
	var names []string
	for _, set := range i.env {
		name, _, _ := strings.Cut(set, "=")
		names = append(names, name)
	}
	wantsSettings(t, "the Dockerfile", names)
	for _, port := range i.ports {
		if _, err := strconv.Atoi(port); err != nil || !slices.ContainsFunc(i.env, func(set string) bool { return strings.HasSuffix(set, "=:"+port) }) {
			t.Errorf("port %s is exposed, and nothing listens there: %v", port, i.env)
		}
	}
}
