package archtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheTopOfTheRepositoryHoldsWhatItShould(t *testing.T) {
	for _, name := range entries(t) {
		if !allowed(name) {
			t.Errorf("%s lies at the top of the repository, where only these may: %s, and files that begin with a dot", name, strings.Join(topLevel, " "))
		}
	}
}

func TestOnlyWhatIsListedMayLieAtTheTop(t *testing.T) {
	for name, want := range map[string]bool{
		"provider": true, "go.mod": true, ".ci": true, ".gitignore": true, "README.md": true,
		"x": false, "provider.go": false, "Provider": false, "tools": false, "": false,
	} {
		if allowed(name) != want {
			t.Errorf("allowed(%q) = %t", name, !want)
		}
	}
}

func allowed(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(topLevel, name)
}

// entries is what lies at the top: of a working copy what git tracks, so that a file of one's own is no error; of an
// unpacked archive everything.
func entries(t *testing.T) []string {
	t.Helper()
	var names []string
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		list, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range list {
			names = append(names, entry.Name())
		}
		return names
	}
	// The index is looked at here so that the go command, which caches results, runs this again when it changes.
	_, _ = os.Stat(filepath.Join(root, ".git", "index"))
	// Someone else's working copy may be read (safe.directory): CI often runs as another user than the one who checked out.
	git := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z")
	out, err := git.Output()
	if err != nil {
		t.Fatalf("%v: %v", git, err)
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, _, _ := strings.Cut(file, "/")
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
