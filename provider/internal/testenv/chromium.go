package testenv

import (
	"context"
	"os"

	"github.com/chromedp/chromedp"
)

// Chromium starts a browser with a profile of its own. Each context that is derived from it (chromedp.NewContext) is a tab. stop
// ends it and removes the profile.
func Chromium(path string, more ...chromedp.ExecAllocatorOption) (browser context.Context, stop func(), err error) {
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return nil, nil, err
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), append(append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // Chromium's own sandbox does not start as root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("renderer-process-limit", "2"), // a process for each tab costs more than the test in it
	), more...)...)
	browser, leave := chromedp.NewContext(allocator)
	stop = func() {
		leave()
		end()
		_ = os.RemoveAll(profile)
	}
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, err
	}
	return browser, stop, nil
}
