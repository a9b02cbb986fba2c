// Package console draws for terminals.
package console

import (
	"fmt"
	"strings"

	"github.com/skip2/go-qrcode"
)

// QR draws a QR code for a terminal: two modules to a character, black on white whatever the terminal's colours are, since not
// every camera reads it the other way round.
func QR(text string) (string, error) {
	code, err := qrcode.New(text, qrcode.Low)
	if err != nil {
		return "", fmt.Errorf("draw %s: %w", text, err)
	}
	modules := code.Bitmap() // with its quiet zone
	var b strings.Builder
	for y := 0; y < len(modules); y += 2 {
		b.WriteString("  \x1b[30;107m")
		for x := range modules[y] {
			upper, lower := modules[y][x], y+1 < len(modules) && modules[y+1][x]
			b.WriteString(map[[2]bool]string{{true, true}: "█", {true, false}: "▀", {false, true}: "▄", {false, false}: " "}[[2]bool{upper, lower}])
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}
