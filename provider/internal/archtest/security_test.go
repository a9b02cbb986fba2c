package archtest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	writtenTest = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	namedTests  = regexp.MustCompile("((?:`Test[A-Za-z0-9]+`(?:, )?)+) \\(([a-z-]+)\\)")
	aName       = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
)

// docs/security.md says of every threat which test goes red without its defence.
func TestEveryThreatOfTheSecurityPageHasTestsThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := testsByFolder(t)
	_, tables, _ := strings.Cut(string(page), "\n## The tables\n")
	rows := map[string]int{}
	section := ""
	for line := range strings.Lines(tables) {
		if title, is := strings.CutPrefix(line, "### "); is {
			section = strings.TrimSpace(title)
		}
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 5 || strings.HasSuffix(cells[3], "Tests") {
			continue
		}
		rows[section]++
		tests := namedTests.FindAllStringSubmatch(cells[3], -1)
		if len(tests) == 0 {
			t.Errorf("%s: no test shows it", cells[0])
		}
		named := 0
		for _, of := range tests {
			for _, name := range aName.FindAllStringSubmatch(of[1], -1) {
				named++
				if !written[of[2]][name[1]] {
					t.Errorf("%s: there is no %s in %s", cells[0], name[1], of[2])
				}
			}
		}
		if all := strings.Count(cells[3], "`") / 2; named != all {
			t.Errorf("%s: %d of %d tests are named with their folder", cells[0], named, all)
		}
	}
	for section, want := range map[string]int{
		"Six flaws found in the wild": 6, "The mitigations of RFC 10027 §6": 18, "Exploits, replayed": 7, "What implementers of RFC 8628 get wrong": 10,
		"Enrolment codes": 7, "The phone number": 5, "Passkeys": 8, "The web phone": 7,
	} {
		if rows[section] != want {
			t.Errorf("%s: %d rows, want %d", section, rows[section], want)
		}
	}
}

// testsByFolder is the names of all tests, by the last name of the folder that they lie in.
func testsByFolder(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		folder := path.Base(path.Dir(name))
		if all[folder] == nil {
			all[folder] = map[string]bool{}
		}
		for _, match := range writtenTest.FindAllSubmatch(source, -1) {
			all[folder][string(match[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
