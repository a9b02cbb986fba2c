package axetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

//go:generate npm ci --prefer-offline --ignore-scripts --no-audit --no-fund

// Axe is the rules, as a script.
type Axe string

// Find finds the rules. It is called from TestMain: if they are not installed, it prints that tests are left out, or, with
// QRLOGIN_REQUIRE=all, ends the test run as failed.
func Find() (axe Axe, ok bool) {
	script, err := read()
	if err == nil {
		return Axe(script), true
	}
	if os.Getenv("QRLOGIN_REQUIRE") == "all" || !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "axe-core is not installed (make generate): %v\n", err)
		os.Exit(1)
	}
	fmt.Println("left out: accessibility by axe-core, not installed (make generate)")
	return "", false
}

// read reads the script, from the top of the module down: a test runs in its own package's folder.
func read() ([]byte, error) {
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return os.ReadFile(filepath.Join(folder, "provider/internal/axetest/node_modules/axe-core/axe.min.js"))
		}
		above := filepath.Dir(folder)
		if above == folder {
			return nil, errors.New("no go.mod above the test")
		}
		folder = above
	}
}

// Complaints is what the rules find wrong with the page that is open, shadow trees included: a text for each rule, with the
// elements. What a rule cannot decide (text over a picture) is no complaint.
func (a Axe) Complaints(page context.Context) ([]string, error) {
	return chromedp.Run(page, chromedp.Evaluate[[]string](string(a)+`;
		axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, help, nodes }) =>
			id + ': ' + help + nodes.map(({ html, failureSummary }) => '\n\t' + html + '\n\t' + failureSummary).join('')))`,
		chromedp.EvalAwaitPromise))
}
