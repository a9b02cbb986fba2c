package webphone_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/axetest"
	"qrlogin/provider/internal/testenv"
)

var (
	chromium context.Context // the one browser of most tests; each phone in it has a profile of its own, and no camera
	handheld context.Context // another, whose camera shows the film in the reel
	reel     string
	axe      axetest.Axe
)

// TestMain starts the browsers. Without Chromium the tests in one (TestPhone…, TestRealBrowser…, TestScanner…) are left out, without
// axe-core those that need it.
func TestMain(m *testing.M) {
	flag.Parse()
	gin.SetMode(gin.ReleaseMode)
	var left []string
	path, found := testenv.Require("chromium", "chromium-browser", "google-chrome")
	if !found {
		left = append(left, "^TestPhone", "^TestRealBrowser", "^TestScanner")
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
	stop, err := startBrowsers(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start chromium:", err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

func startBrowsers(path string) (stop func(), err error) {
	folder, err := os.MkdirTemp("", "webphone")
	if err != nil {
		return nil, err
	}
	reel = filepath.Join(folder, "film.mjpeg") // read whenever the camera opens
	first, stopFirst, err := testenv.Chromium(path)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	second, stopSecond, err := testenv.Chromium(path,
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-file-for-fake-video-capture", reel))
	if err != nil {
		stopFirst()
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	chromium, handheld = first, second
	return func() {
		stopSecond()
		stopFirst()
		_ = os.RemoveAll(folder)
	}, nil
}
