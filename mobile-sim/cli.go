package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
)

const description = `A phone on the command line: by a website's QR code it logs you in there, orders, or sends what you have.

First enrol with a provider, once. Then scan: a picture of the code, or its text. You see who asks, from where and for
what, and decline or approve.

Examples:

  mobile-sim enroll --provider http://localhost:9000 --phone +8613800138000
  mobile-sim scan screenshot.png
  mobile-sim scan http://localhost:8080/login/qr.png
  mobile-sim scan order.png && mobile-sim pay
  mobile-sim scan import.png --send bookmarks.html
  mobile-sim logins

Exit status: 0 approved, also with digits to type (or done), 3 declined, 4 refused or expired, 2 usage, 1 anything else; of a
swarm, 5 when a login was lost or doubled.`

// cli is the command line. Every flag that is not about one code alone can also be set by an environment variable,
// MOBILE_SIM_ and its name. --approve and --my-computer cannot: a standing approval is no consent.
type cli struct {
	Home string `help:"Folder of the phone's key and state." type:"path" placeholder:"DIR" default:"${home}"`
	Lang string `help:"Language: en or zh; otherwise as LANG says." enum:"en,zh," default:"" placeholder:"en|zh"`
	CA   string `name:"ca" placeholder:"FILE" help:"Believe the certificates in this PEM file, too: for a provider that runs for trying out, such as relyingparty-demo --lan."`
	JSON bool   `name:"json" help:"For programs: one JSON object on standard output, and nothing else there."`

	Enroll  enrollCmd  `cmd:"" help:"Make this a phone of your account, by a code sent to your number."`
	Scan    scanCmd    `cmd:"" help:"Scan a QR code, see who asks, and decline or approve."`
	PIN     pinCmd     `cmd:"" name:"pin" help:"Set or change the PIN that orders are approved with."`
	Pay     payCmd     `cmd:"" help:"Pay an order that was approved."`
	Logins  loginsCmd  `cmd:"" help:"List where you are, or were, logged in."`
	Logout  logoutCmd  `cmd:"" help:"End a login, also one that was not you."`
	Events  eventsCmd  `cmd:"" help:"List what happened with your account, and what may have been an attack."`
	Devices devicesCmd `cmd:"" help:"List the devices of your account; allow one that waits, or remove one."`
	Export  exportCmd  `cmd:"" help:"Print all that the provider keeps of your account, as JSON."`
	Account accountCmd `cmd:"" help:"Delete your account."`
	Whoami  whoamiCmd  `cmd:"" help:"Say whose phone this is."`
	Swarm   swarmCmd   `cmd:"" help:"Be many phones, browsers and sites at once, and report what the provider made of them."`
}

// app is what the commands share.
type app struct {
	context.Context
	home     string
	json     bool
	words    *words
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	terminal func(stdinTaken bool) *terminal
}

// run is the program: it returns the exit status.
func run(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("mobile-sim"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110, NoAppDescFormat: true}),
		kong.DefaultEnvars("MOBILE_SIM"),
		kong.Vars{"home": defaultHome()},
	)
	if err != nil {
		panic(err) // the command line itself is wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "mobile-sim: %s\nTry: mobile-sim --help\n", safe(err.Error()))
		return statusUsage
	}
	a := &app{
		Context: ctx, home: c.Home, json: c.JSON, words: wordsFor(c.Lang, os.Getenv),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}
	a.terminal = a.openTerminal
	err = believe(c.CA)
	switch {
	case err != nil:
	case c.Home == "":
		err = errHome
	default:
		err = command.Run(a)
	}
	return a.finish(err)
}

// believe adds the certificates in a file to those that this process trusts.
func believe(file string) error {
	if file == "" {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(content) {
		return fmt.Errorf("certificates: %s has none", file)
	}
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return nil
}

var errHome = errors.New("there is no folder for this user's settings; name one with --home")

// defaultHome is "" for a user without a folder for settings.
func defaultHome() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "qrlogin", "mobile-sim")
}
