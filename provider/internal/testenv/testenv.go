package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

// patience is until a server that hangs is given up.
const patience = 20 * time.Second

// Require finds the first of several names of a program. It is called from TestMain: if there is none, it prints that
// its tests are left out, or, with QRLOGIN_REQUIRE=all, ends the test run as failed.
func Require(names ...string) (path string, ok bool) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	if os.Getenv("QRLOGIN_REQUIRE") == "all" {
		fmt.Fprintf(os.Stderr, "QRLOGIN_REQUIRE=all, and %s is not installed\n", names[0])
		os.Exit(1)
	}
	fmt.Printf("left out: tests against %s, not installed\n", names[0])
	return "", false
}
