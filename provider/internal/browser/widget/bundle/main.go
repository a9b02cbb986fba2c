package main

import (
	"fmt"
	"os"

	"qrlogin/provider/internal/bundling"
)

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
	script, err := bundling.Script("src/index.js",
		"qr-login, a part of qrlogin; Apache-2.0. The licence of the QR encoder is at the end.", "lean-qr")
	if err != nil {
		return err
	}
	return os.WriteFile("widget.js", script, 0o644)
}
