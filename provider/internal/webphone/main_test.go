package webphone_test

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
	chromium context.Context // the one browser of all tests; each phone in it has a profile of its own
	axe      axetest.Axe
)

// TestMain starts Chromium. Without it the tests in a browser (TestPhone…, TestRealBrowser…) are left out, without axe-core those that
// need it.
func TestMain(m *testing.M) {
	flag.Parse()
	var left []string
	path, found := testenv.Require("chromium", "chromium-browser", "google-chrome")
	if !found {
		left = append(left, "^TestPhone", "^TestRealBrowser")
	}
	var ok bool
	if axe, ok = axetest.Find(); !ok {
		left = append(left, "ForAxe$")
	}
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
