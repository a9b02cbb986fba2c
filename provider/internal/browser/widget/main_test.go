package widget_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"qrlogin/provider/internal/axetest"
	"qrlogin/provider/internal/testenv"
)

var (
	chromium context.Context // the one browser of all tests; each test has its own tab, site and provider
	axe      axetest.Axe
	zbarimg  string
)

// TestMain starts Chromium. Without it the tests in a browser (TestWidget…) are left out, without the others those that need them.
func TestMain(m *testing.M) {
	flag.Parse()
	var left []string
	need := func(found bool, tests string) {
		if !found {
			left = append(left, tests)
		}
	}
	path, found := testenv.Require("chromium", "chromium-browser", "google-chrome")
	need(found, "^TestWidget")
	var ok bool
	axe, ok = axetest.Find()
	need(ok, "ForAxe$")
	zbarimg, ok = testenv.Require("zbarimg")
	need(ok, "ToTwoReaders$")
	if len(left) > 0 {
		if err := flag.Set("test.skip", strings.Join(left, "|")); err != nil {
			panic(err)
		}
	}
	if !found {
		os.Exit(m.Run())
	}
	browser, stop, err := testenv.Chromium(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start chromium:", err)
		os.Exit(1)
	}
	chromium = browser
	code := m.Run()
	stop()
	os.Exit(code)
}
