package bundling

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Script bundles a module with all that it imports into one minified script module that begins with a line about what it is. The
// licences of the npm packages in it are put at its end, where their own files carry none.
func Script(entry, about string, packages ...string) ([]byte, error) {
	var notices strings.Builder
	for _, name := range packages {
		text, err := licence(name)
		if err != nil {
			return nil, err
		}
		notices.WriteString("/*! " + name + "\n\n" + text + "\n*/")
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{entry},
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsEndOfFile,
		Banner:            map[string]string{"js": "/*! " + about + " */"},
		Footer:            map[string]string{"js": notices.String()},
		Plugins:           []api.Plugin{{Name: "css", Setup: cssAsText}},
		LogLevel:          api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		return nil, errors.New("esbuild refused the sources")
	}
	return result.OutputFiles[0].Contents, nil
}

// Style minifies a style sheet.
func Style(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	result := api.Transform(string(text), api.TransformOptions{
		Loader: api.LoaderCSS, MinifyWhitespace: true, MinifySyntax: true, LogLevel: api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("%s: not a style sheet", filepath.Base(path))
	}
	return result.Code, nil
}

// cssAsText lets a module import a style sheet as a minified string.
func cssAsText(build api.PluginBuild) {
	build.OnLoad(api.OnLoadOptions{Filter: `\.css$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		code, err := Style(args.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		css := strings.TrimSpace(string(code))
		return api.OnLoadResult{Contents: &css, Loader: api.LoaderText}, nil
	})
}
