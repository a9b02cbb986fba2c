package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const encoder = "lean-qr"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := install(); err != nil {
		return fmt.Errorf("install the packages of package-lock.json: %w", err)
	}
	notice, err := os.ReadFile(filepath.Join("node_modules", encoder, "LICENSE"))
	if err != nil {
		return err
	}
	script, err := bundle(string(notice))
	if err != nil {
		return err
	}
	return os.WriteFile("widget.js", script, 0o644)
}

// install makes node_modules hold what package.json pins. npm checks it against the hashes of package-lock.json.
func install() error {
	var pinned struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := readJSON("package.json", &pinned); err != nil {
		return err
	}
	var installed struct {
		Version string `json:"version"`
	}
	err := readJSON(filepath.Join("node_modules", encoder, "package.json"), &installed)
	if err == nil && installed.Version == pinned.Dependencies[encoder] {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Stdout, npm.Stderr = os.Stderr, os.Stderr
	return npm.Run()
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

// bundle returns the script, with the encoder's licence at its end: the licence asks to be kept in every copy, and the encoder's own
// file carries none.
func bundle(notice string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{"src/index.js"},
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsEndOfFile,
		Banner:            map[string]string{"js": "/*! qr-login, a part of qrlogin; Apache-2.0. The licence of the QR encoder is at the end. */"},
		Footer:            map[string]string{"js": "/*! " + encoder + "\n\n" + strings.TrimSpace(notice) + "\n*/"},
		Plugins:           []api.Plugin{{Name: "css", Setup: minifyCSS}},
		LogLevel:          api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		return nil, errors.New("esbuild refused the sources")
	}
	return result.OutputFiles[0].Contents, nil
}

// minifyCSS lets a module import a style sheet as a minified string.
func minifyCSS(build api.PluginBuild) {
	build.OnLoad(api.OnLoadOptions{Filter: `\.css$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		text, err := os.ReadFile(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		result := api.Transform(string(text), api.TransformOptions{
			Loader: api.LoaderCSS, MinifyWhitespace: true, MinifySyntax: true, LogLevel: api.LogLevelWarning,
		})
		if len(result.Errors) > 0 {
			return api.OnLoadResult{}, fmt.Errorf("%s: not a style sheet", filepath.Base(args.Path))
		}
		css := strings.TrimSpace(string(result.Code))
		return api.OnLoadResult{Contents: &css, Loader: api.LoaderText}, nil
	})
}
