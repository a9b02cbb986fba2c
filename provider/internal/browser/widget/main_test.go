package widget_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

// chromium is the one browser of all tests; each test has its own tab, site and provider.
var chromium context.Context

// TestMain starts Chromium. It is the one place that decides what happens without it: an error where QRLOGIN_REQUIRE=all says that every
// part must be there; otherwise the tests of the widget in a browser (TestWidget…) are left out, and a line says so.
func TestMain(m *testing.M) {
	flag.Parse()
	path := findChromium()
	if path == "" {
		if os.Getenv("QRLOGIN_REQUIRE") == "all" {
			fmt.Fprintln(os.Stderr, "no chromium in PATH, and QRLOGIN_REQUIRE=all")
			os.Exit(1)
		}
		fmt.Println("no chromium in PATH: the tests of the widget in a browser are left out")
		if err := flag.Set("test.skip", "^TestWidget"); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	os.Exit(withChromium(path, m.Run))
}

func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func withChromium(path string, run func() int) int {
	profile, err := os.MkdirTemp("", "widget-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(profile)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // Chromium's own sandbox does not start as root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("renderer-process-limit", "2"), // a process for each tab costs more than the test in it
		chromedp.Flag("disable-component-update", true),
	)...)
	defer stop()
	browser, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, "start chromium:", err)
		return 1
	}
	chromium = browser
	return run()
}
