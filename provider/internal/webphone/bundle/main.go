package main

import (
	"fmt"
	"os"

	"qrlogin/provider/internal/bundling"
)

const about = "The web phone of qrlogin; Apache-2.0."

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := bundling.Install(); err != nil {
		return fmt.Errorf("install the packages of package-lock.json: %w", err)
	}
	app, err := bundling.Script("src/main.js", about)
	if err != nil {
		return err
	}
	// Loaded only by a browser that reads no QR codes itself.
	decoder, err := bundling.Script("src/scan/decoder.js", about+" The licence of the QR decoder is at the end.", "qr")
	if err != nil {
		return err
	}
	style, err := bundling.Style("src/app.css")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"app.js": app, "decoder.js": decoder, "app.css": style} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return drawIcons()
}
