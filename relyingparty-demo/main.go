package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"qrlogin/relyingparty-demo/console"
)

// The exit status: all well; anything that went wrong; a command line that cannot be meant.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

const description = `A demo shop that you log in to with your phone, and an identity provider beside it.

Started without flags it serves the shop at http://localhost:8080 and the provider at http://localhost:9000, both for this
machine alone, keeps everything in memory, and says what to do next. The code that an SMS would carry is printed here.

Examples:

  relyingparty-demo                     the shop and a provider, to try by hand
  relyingparty-demo --play              a whole login that plays itself, step by step
  relyingparty-demo --nodes=2           two provider nodes: browsers are served by one, phones by the other
  relyingparty-demo --policy=strict     the shop asks for the digits on the phone, and for a phone that is near
  relyingparty-demo --lan               over TLS in your own network, for the phone in your hand
  relyingparty-demo --data=./demo       accounts and orders survive a restart; the folder must exist
  relyingparty-demo kiosk               a vending machine in this terminal, and as a page
  relyingparty-demo --provider=https://id.example --client-id=shop --client-secret=…
                                        the shop alone, against a provider somewhere else; kiosk: the machine alone

Exit status: 0 stopped or played to the end, 1 something failed, 2 usage.`

// options is the command line; every flag can be set by its environment variable too.
type options struct {
	Listen string  `default:"localhost:8080" placeholder:"HOST:PORT" help:"Where the shop listens (default ${default})."`
	URL    string  `name:"url" placeholder:"URL" help:"The shop's address as browsers see it, when a proxy stands before it, which must pass the Host on: by another name the shop does not answer. With https its cookies are for https alone. Default: http://localhost and the port of --listen."`
	LAN    lanFlag `name:"lan" placeholder:"ADDRESS" help:"Serve both in your own network, over TLS, so that the phone in your hand can be the phone: --lan finds this machine's address, --lan=ADDRESS (or a name that the phone knows) names it. Only the ports count of --listen and --provider-listen. The certificate is made on the spot, and browsers warn of it. Whoever is in that network can reach the demo."`

	Data string `placeholder:"DIR" help:"Keep accounts and orders in this folder, which must exist. Default: in memory, gone at the end."`

	ProviderListen string `group:"The embedded provider" default:"localhost:9000" placeholder:"HOST:PORT" help:"Where the provider listens; its issuer is http://localhost and this port (default ${default})."`
	Store          string `group:"The embedded provider" default:"memory" placeholder:"STORE" help:"Where logins in progress live: memory, miniredis (a Redis inside this process, for trying out) or redis://HOST:PORT (default ${default})."`
	Nodes          int    `group:"The embedded provider" default:"1" placeholder:"N" help:"1 or 2. Two nodes share one miniredis (or the --store=redis://…) and one database behind a small proxy, which takes browsers and sites to the first and phones to the second."`
	Policy         string `group:"The embedded provider" default:"standard" enum:"relaxed,standard,strict" placeholder:"PRESET" help:"How strict the shop is with its codes: relaxed (they may stand still), standard or strict (the phone must be in the browser's network, and its digits are typed into the page; default ${default})."`

	Provider     string `group:"A provider somewhere else" placeholder:"URL" help:"Its issuer. No provider is started here. Register the shop's address there as an origin, and /login/callback on it as a redirect URI."`
	ClientID     string `group:"A provider somewhere else" placeholder:"ID" help:"What the shop, or the machine, is registered as; to sell it needs --authorization-details-types=order there."`
	ClientSecret string `group:"A provider somewhere else" placeholder:"SECRET" help:"The secret of that registration; better by its environment variable, since other users can see a command line."`

	Shop  struct{}     `cmd:"" default:"1" hidden:"" help:"The shop."`
	Kiosk kioskOptions `cmd:"" help:"A vending machine in this terminal, which sells the shop's goods, in place of the shop; and its page, at the address that the terminal prints. It is a client of its own."`

	Play    bool `help:"Play a whole login on free ports and in memory, with a simulated phone and a plain HTTP client as the browser; print each step, remove everything. Succeeds only if the logged-in page was served."`
	Verbose bool `help:"Log every request."`
}

// kioskOptions say which machine it is: the phone shows both before it signs.
type kioskOptions struct {
	ID    string `default:"K-1" placeholder:"ID" help:"The machine's number (default ${default})."`
	Place string `default:"Kiln Lane 1, by the door" placeholder:"TEXT" help:"Where it stands, in words (default: ${default})."`
	Lang  string `default:"en" enum:"en,zh" help:"The language of its screen in the terminal, en or zh (default ${default})."`

	on bool
}

// Validate refuses what no address or order can have; kong calls it.
func (k *kioskOptions) Validate() error {
	switch {
	case !kioskID.MatchString(k.ID):
		return errors.New("--id is 1 to 64 letters, digits, dots, underscores and hyphens")
	case strings.TrimSpace(k.Place) == "" || utf8.RuneCountInString(k.Place) > 100 || strings.ContainsFunc(k.Place, unicode.IsControl):
		return errors.New("--place is 1 to 100 characters, and no control characters")
	}
	return nil
}

var kioskID = regexp.MustCompile(`^[0-9A-Za-z_-][0-9A-Za-z._-]{0,63}$`)

// Validate refuses combinations that cannot be meant; kong calls it.
func (o *options) Validate() error {
	remote := o.Provider != ""
	switch {
	case o.Nodes != 1 && o.Nodes != 2:
		return errors.New("--nodes is 1 or 2")
	case remote && (o.ClientID == "" || o.ClientSecret == ""):
		return errors.New("--provider needs --client-id and --client-secret")
	case !remote && (o.ClientID != "" || o.ClientSecret != ""):
		return errors.New("--client-id and --client-secret are for a --provider; the embedded one registers the shop by itself")
	case remote && (o.Nodes != 1 || o.Store != "memory" || o.ProviderListen != "localhost:9000" || o.Policy != "standard"):
		return errors.New("--nodes, --store, --policy and --provider-listen are for the embedded provider, and --provider replaces it")
	case o.LAN.on && (remote || o.Play || o.URL != ""):
		return errors.New("--lan serves both the shop and the provider at this machine's address; it does not go with --provider, --url or --play")
	case o.Play && (remote || o.Data != "" || o.URL != ""):
		return errors.New("--play starts everything itself and keeps nothing; it goes with --nodes, --store, --policy and --verbose alone")
	case o.Nodes == 2 && o.Store != "memory" && o.Store != "miniredis" && !strings.HasPrefix(o.Store, "redis"):
		return fmt.Errorf("--store=%s cannot be shared by two nodes", o.Store)
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit status once everything has stopped.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var o options
	helped := false
	parser, err := kong.New(&o,
		kong.Name("relyingparty-demo"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110, NoAppDescFormat: true}),
		kong.DefaultEnvars("RELYINGPARTY_DEMO"),
		kong.Writers(out, errOut),
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		panic(err) // the options themselves are wrong
	}
	command, err := parser.Parse(args)
	if helped {
		return statusDone
	}
	if err == nil {
		if o.Kiosk.on = command.Command() == "kiosk"; o.Kiosk.on && o.Play {
			err = errors.New("--play plays a login in the shop; it does not go with kiosk")
		}
	}
	if err != nil {
		fmt.Fprintf(errOut, "relyingparty-demo: %s\nTry: relyingparty-demo --help\n", err)
		return statusUsage
	}
	switch {
	case o.Play:
		err = play(ctx, o, out, errOut)
	case o.Kiosk.on:
		err = sell(ctx, o, in, out, errOut)
	default:
		err = serve(ctx, o, out, errOut)
	}
	if err != nil {
		fmt.Fprintf(errOut, "relyingparty-demo: %s\n", err)
		return statusFailed
	}
	return statusDone
}

// serve runs the demo until ctx is done.
func serve(ctx context.Context, o options, out, errOut io.Writer) error {
	d, err := start(ctx, o, out, errOut)
	if err != nil {
		return err
	}
	advice, err := d.advice(o)
	if err != nil {
		return errors.Join(err, d.close())
	}
	fmt.Fprintln(out, advice)
	return d.run(ctx)
}

// advice says what to do next.
func (d *demo) advice(o options) (string, error) {
	where := "embedded, in memory"
	switch {
	case d.provider == nil:
		where = "somewhere else"
	case o.Nodes == 2:
		where = "embedded, two nodes"
	case o.Data != "":
		where = "embedded, kept in " + o.Data
	}
	text := fmt.Sprintf(`
  The shop      %[1]s
  The provider  %[2]s  (%[3]s)
`, d.url, d.issuer, where)
	if d.lan != nil {
		more, err := d.lanAdvice()
		return text + more + "\n  Ctrl-C stops everything.\n", err
	}
	text += fmt.Sprintf("\n  1. Open %s/login in a browser.\n", d.url)
	if strings.HasPrefix(d.url, "http:") {
		code := "the code that an SMS would carry appears here"
		if d.provider == nil {
			code = "the code comes as the provider sends it"
		}
		text += fmt.Sprintf(`  2. In a second terminal, give the simulated phone a number; %[3]s:
       go run ./mobile-sim enroll --provider %[2]s --phone +8613800138000
  3. Scan the code on the page with the command that the page shows:
       go run ./mobile-sim scan %[1]s/login/qr/….png

  With a phone in your hand instead of the simulated one: go run ./relyingparty-demo --lan
`, d.url, d.issuer, code)
	}
	return text + "\n  Ctrl-C stops everything.\n", nil
}

// lanAdvice is for who has a phone in hand.
func (d *demo) lanAdvice() (string, error) {
	certificate := d.lan.tls.Certificates[0].Leaf
	code, err := console.QR(d.issuer + "/phone")
	return fmt.Sprintf(`
  Nobody vouches for this machine's certificate, so each browser warns of it, some once for the shop and once for the provider: go on.
  Do not install it. It is in %[3]s and has the SHA-256 fingerprint
  %[4]s.

  1. With the phone, in the same network, open %[2]s/phone:

%[5]s
     Give it any number; the code that an SMS would carry appears here.
  2. On the computer open %[1]s/login, and scan the code there with the phone.
     If no code comes, follow the link on that page: the browser has not been told yet to go on to the provider.
  3. Or open %[1]s/login on the phone itself, and continue there.

  Passkeys, and an icon on the home screen, need a certificate that phones trust. Without one the phone goes on without them.
  Without a phone: go run ./mobile-sim --ca=%[3]s enroll --provider %[2]s --phone +8613800138000
  Whoever is in this network can reach both, and sees nothing of the codes that appear here.
`, d.url, d.issuer, d.lan.file, fingerprint(certificate), code), err
}
