package typescript

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain leaves out what this machine lacks the tools for and says so; or, with QRLOGIN_REQUIRE=all, fails.
func TestMain(m *testing.M) {
	flag.Parse()
	var without []string
	for tests, tools := range map[string][]string{"InTypeScript": {"npm", "node", "node_modules/.bin/tsc"}, "ByCurl": {"curl", "jq"}, "InJavaScript": {"node"},
		"InPython": {"/usr/bin/python3", "/usr/lib/python3/dist-packages/authlib"}} {
		for _, tool := range tools {
			_, err := exec.LookPath(tool)
			if filepath.IsAbs(tool) { // a library is no program
				_, err = os.Stat(tool)
			}
			if err == nil {
				continue
			}
			if os.Getenv("QRLOGIN_REQUIRE") == "all" {
				fmt.Fprintf(os.Stderr, "QRLOGIN_REQUIRE=all, and %s is not installed (make tools generate)\n", tool)
				os.Exit(1)
			}
			fmt.Printf("left out: tests %s, %s is not installed (make tools generate)\n", tests, tool)
			without = append(without, tests)
		}
	}
	if len(without) > 0 {
		if err := flag.Set("test.skip", strings.Join(without, "|")); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
