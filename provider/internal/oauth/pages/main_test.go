package pages

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/axetest"
	"qrlogin/provider/internal/testenv"
)

var (
	chromium context.Context // the one browser of all tests; each test has a tab of its own
	axe      axetest.Axe
)

// TestMain starts Chromium. Without it the tests in a browser (TestPage…) are left out, without axe-core those that need it.
func TestMain(m *testing.M) {
	flag.Parse()
	gin.SetMode(gin.ReleaseMode)
	path, found := testenv.Require("chromium", "chromium-browser", "google-chrome")
	if !found {
		leaveOut("^TestPage")
		os.Exit(m.Run())
	}
	if axe, found = axetest.Find(); !found {
		leaveOut("^TestPage.*ForAxe$")
	}
	os.Exit(withChromium(path, m.Run))
}

func leaveOut(pattern string) {
	if err := flag.Set("test.skip", pattern); err != nil {
		panic(err)
	}
}

func withChromium(path string, run func() int) int {
	profile, err := os.MkdirTemp("", "pages-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(profile)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // Chromium's own sandbox does not start as root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("renderer-process-limit", "2"), // a process for each tab costs more than the test in it
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
