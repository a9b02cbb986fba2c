package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"qrlogin/mobile-sim/internal/swarm"
)

type swarmCmd struct {
	Provider          []string      `aliases:"providers" required:"" placeholder:"URL" help:"The provider. Or the nodes of one provider, separated by commas: site, browser and phone of a login each ask another, in turn, and the next when one is down."`
	Logins            int           `default:"1000" placeholder:"N" help:"How many logins, in all (${default})."`
	Concurrency       int           `default:"32" placeholder:"C" help:"How many of them at once, and so how many phones are enrolled before the clock starts (${default})."`
	Rate              float64       `placeholder:"R" help:"Begin so many logins a second, whatever the provider's pace. Otherwise one begins when another ends."`
	Waiting           int           `placeholder:"W" help:"Browsers that show a code that nobody scans, beside the logins."`
	WaitingRate       float64       `default:"500" placeholder:"R" help:"How many of those are opened in a second (${default})."`
	Hold              time.Duration `placeholder:"TIME" help:"Have them wait so long at least, also when the logins are over."`
	Thought           time.Duration `default:"5ms" placeholder:"TIME" help:"How long a phone's holder looks at the consent before the approval: so long, at least, a login is under way. Long enough for the site's request, which is on its way, to be held (${default})."`
	Codes             string        `type:"path" placeholder:"FILE" help:"Where the provider writes enrolment codes: the PATH of provider serve --sms=file:PATH."`
	RegistrationToken string        `placeholder:"TOKEN" help:"The provider's, to register the swarm's site with. Set it in the environment."`
	Client            string        `placeholder:"ID" help:"A site that is registered already, instead."`
	ClientSecret      string        `placeholder:"SECRET" help:"Of that site; none for a public one. Set it in the environment: a command line can be seen by others on the machine."`
	Deadline          time.Duration `default:"30s" placeholder:"TIME" help:"A login that is not approved by then has failed; one that has no token so long after its approval is lost (${default})."`
	Check             int           `default:"10" placeholder:"N" help:"Redeem the code of one in N logins a second time and verify its token's signature; 1 for all, 0 for none (${default})."`
	PID               []int         `name:"pid" placeholder:"PID" help:"The provider's process, or processes, separated by commas: measure CPU for a login and memory for a waiting browser. On Linux, on this machine."`
	Anywhere          bool          `env:"-" help:"Let the provider be on another machine than this one. A swarm is an attack on whoever did not ask for it."`
}

func (swarmCmd) Help() string {
	return `Each login has a site, a browser and a phone with keys of its own, over HTTP. The report, on standard output, says how many
logins there were in a second, how long each step took, what went wrong, and above all which logins were lost (approved, and
no token came) or doubled (a code gave two tokens). With --json it is one JSON object. Ctrl-C ends early, with a report.

Start a provider for it, with an empty database, and with limits that a swarm does not meet; then let it loose:

  export QRLOGIN_REGISTRATION_TOKEN=$(openssl rand -hex 32) MOBILE_SIM_REGISTRATION_TOKEN=$QRLOGIN_REGISTRATION_TOKEN
  export QRLOGIN_LIMIT=scans-per-device=1000000/10m,scans-per-account=1000000/10m,scans-per-network=1000000/10m,challenges-per-client=1000000/10m
  provider serve --data=trial --sms=file:trial.sms
  mobile-sim swarm --provider=http://localhost:9000 --codes=trial.sms --logins=1000 --concurrency=32

Exit status: 0 everything was done, 5 a login was lost, doubled or wrong, 4 the provider's limits refused some, 1 anything else.`
}

func (c *swarmCmd) config() swarm.Config {
	return swarm.Config{
		Nodes: c.Provider, Anywhere: c.Anywhere,
		Client: c.Client, Secret: c.ClientSecret, Token: c.RegistrationToken, Codes: c.Codes,
		Logins: c.Logins, Concurrency: c.Concurrency, Rate: c.Rate, Waiting: c.Waiting, OpenRate: c.WaitingRate, Hold: c.Hold,
		Thought: c.Thought, Deadline: c.Deadline, CheckEvery: c.Check, PIDs: c.PID,
		TLS: http.DefaultTransport.(*http.Transport).TLSClientConfig, // with the certificates of --ca
	}
}

// Validate makes what cannot work wrong usage.
func (c *swarmCmd) Validate() error { return c.config().Check() }

// Run reports in English, whatever the language: it is for those who run providers.
func (c *swarmCmd) Run(a *app) error {
	config := c.config()
	status := newStatusLine(a.stderr)
	config.Progress = status.show
	report, err := swarm.Run(a, config)
	status.clear()
	if err != nil {
		return err
	}
	if a.json {
		a.printJSON(report)
	} else if err := report.Print(a.stdout); err != nil {
		return err
	}
	switch {
	case report.Broken():
		return said(statusBroken)
	case report.WellDone():
		return nil
	case report.Refused():
		return said(statusRefused)
	default:
		return said(statusError)
	}
}

// statusLine shows how far a swarm is: at a terminal in one line that changes, elsewhere in a line now and then.
type statusLine struct {
	out      io.Writer
	terminal bool
	last     time.Time
}

func newStatusLine(out io.Writer) *statusLine {
	f, ok := out.(*os.File)
	return &statusLine{out: out, terminal: ok && isatty.IsTerminal(f.Fd()), last: time.Now()}
}

const nowAndThen = 5 * time.Second

func (l *statusLine) show(p swarm.Progress) {
	text := fmt.Sprintf("%d of %d logins done, %d not, %d under way; %d browsers wait; %d errors", p.Done, p.Asked, p.Bad, p.Running, p.Waiting, p.Errors)
	switch {
	case l.terminal:
		_, _ = fmt.Fprintf(l.out, "\r%s\x1b[K", text)
	case time.Since(l.last) >= nowAndThen:
		l.last = time.Now()
		_, _ = fmt.Fprintln(l.out, text)
	}
}

func (l *statusLine) clear() {
	if l.terminal {
		_, _ = fmt.Fprint(l.out, "\r\x1b[K")
	}
}
