package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the top of the repository, from here.
const root = "../../.."

// pkg is a package of ours and what its files import. Ours are named without the module.
type pkg struct {
	path        string
	imports     []string
	testImports []string
}

func TestEveryImportFollowsTheRules(t *testing.T) {
	for _, p := range readPackages(t) {
		for _, complaint := range complaints(p) {
			t.Error(complaint)
		}
	}
}

// Were a rule to name a package that has moved away, it would hold nobody to anything.
func TestEveryRuleIsAboutAPackageThatExists(t *testing.T) {
	var subjects []string
	for _, r := range layers {
		subjects = append(subjects, r.of)
		subjects = append(subjects, r.may...)
	}
	for _, r := range outside {
		subjects = append(subjects, r.of)
	}
	for _, r := range refused {
		subjects = append(subjects, r.of)
	}
	for _, r := range owned {
		subjects = append(subjects, r.by...)
	}
	packages := readPackages(t)
	for _, s := range subjects {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return matches(p.path, s) }) {
			t.Errorf("a rule names %s, which is no package", s)
		}
	}
}

// complaints says which rules the package breaks.
func complaints(p pkg) []string {
	var list []string
	complain := func(what, imported, why string) {
		list = append(list, fmt.Sprintf("%s imports %s%s: %s", p.path, imported, what, why))
	}
	ruled := 0
	for _, r := range layers {
		if !matches(p.path, r.of) {
			continue
		}
		ruled++
		for _, i := range p.imports {
			if ours(i) && !below(p.path, i) && !matchesAny(i, r.may) {
				complain("", i, r.why)
			}
		}
	}
	if ruled != 1 {
		list = append(list, fmt.Sprintf("%s has %d rules in layers; each package has one place in the house", p.path, ruled))
	}
	for _, r := range outside {
		for _, i := range p.testImports {
			if matches(p.path, r.of) && ours(i) && !matchesAny(i, r.may) {
				complain(" in a test", i, r.why)
			}
		}
	}
	for _, r := range refused {
		for _, i := range p.imports {
			if matches(p.path, r.of) && (matchesAny(i, r.never) || slices.Contains(r.never, ".") && thirdParty(i)) {
				complain("", i, r.why)
			}
		}
	}
	for _, r := range owned {
		for _, i := range p.imports {
			if matches(i, r.what) && !matchesAny(p.path, r.by) {
				complain("", i, r.why)
			}
		}
	}
	return list
}

func matches(name, pattern string) bool {
	whole, tree := strings.CutSuffix(pattern, "/...")
	return name == whole || tree && strings.HasPrefix(name, whole+"/")
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(name, p) })
}

func ours(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(codeFolders, first)
}

// below tells whether i is a part of the package, in a folder below its own. Main is not the owner of all of the provider.
func below(path, i string) bool { return path != "provider" && strings.HasPrefix(i, path+"/") }

// thirdParty tells whether an import is neither ours nor of the standard library, whose paths have no dot in front.
func thirdParty(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return strings.Contains(first, ".")
}

// codeFolders is where Go code lies.
var codeFolders = []string{"provider", "relyingparty-demo", "mobile-sim", "api", "docs"}

// readPackages reads what each Go file imports, whatever its build constraints: nothing hides behind a tag. It reads in this
// process, so that the go command sees which files a cached result depends on.
func readPackages(t *testing.T) []pkg {
	t.Helper()
	found := map[string]*pkg{}
	for _, folder := range codeFolders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			name := entry.Name()
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
				return fs.SkipDir
			case entry.IsDir() || !strings.HasSuffix(name, ".go"):
				return nil
			}
			return addFile(found, file)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var packages []pkg
	for _, name := range slices.Sorted(maps.Keys(found)) {
		packages = append(packages, *found[name])
	}
	return packages
}

func addFile(found map[string]*pkg, file string) error {
	relative, err := filepath.Rel(root, file)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	name := path.Dir(filepath.ToSlash(relative))
	p := found[name]
	if p == nil {
		p = &pkg{path: name}
		found[name] = p
	}
	list := &p.imports
	if strings.HasSuffix(file, "_test.go") {
		list = &p.testImports
	}
	for _, i := range parsed.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return err
		}
		if imported = strings.TrimPrefix(imported, module); !slices.Contains(*list, imported) {
			*list = append(*list, imported)
		}
	}
	return nil
}
