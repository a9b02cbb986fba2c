package bundling

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Install makes node_modules hold what package.json pins. npm checks it against the hashes of package-lock.json.
func Install() error {
	var pinned struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := readJSON("package.json", &pinned); err != nil {
		return err
	}
	for name, version := range pinned.Dependencies {
		var installed struct {
			Version string `json:"version"`
		}
		err := readJSON(filepath.Join("node_modules", name, "package.json"), &installed)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if installed.Version != version {
			npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
			npm.Stdout, npm.Stderr = os.Stderr, os.Stderr
			return npm.Run()
		}
	}
	return nil
}

// licence is the text that an installed package asks to be kept in every copy; MIT, where a package offers it beside another.
func licence(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join("node_modules", name, "LICENSE-MIT"))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join("node_modules", name, "LICENSE"))
	}
	return strings.TrimSpace(string(text)), err
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
