package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/skip2/go-qrcode"

	"qrlogin/api"
	"qrlogin/mobile-sim/internal/fakeprovider"
	real "qrlogin/provider/app"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mobile-sim": main})
}

// Each script has a provider of its own at $PROVIDER, a server of its pictures at $PICTURES, and an empty home.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			fake := fakeprovider.New()
			env.Defer(fake.Close)
			pictures := httptest.NewServer(http.FileServer(http.Dir(env.WorkDir)))
			env.Defer(pictures.Close)
			env.Values["fake"], env.Values["till"] = fake, new(*fakeprovider.Till)
			env.Setenv("PROVIDER", fake.URL)
			env.Setenv("PICTURES", pictures.URL)
			env.Setenv("MOBILE_SIM_HOME", env.WorkDir+"/home")
			env.Setenv("LANG", "C")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"challenge": cmdChallenge,
			"state":     cmdState,
			"session":   cmdSession,
			"login":     cmdLogin,
			"logged":    cmdLogged,
			"event":     cmdEvent,
			"device":    cmdDevice,
			"asked":     cmdAsked,
			"provider":  cmdProvider,
			"picture":   cmdPicture,
			"mode":      cmdMode,
			"sent":      cmdSent,
			"unlocked":  cmdUnlocked,
			"till":      cmdTill,
			"serve":     cmdServe,
		},
	})
}

func fake(ts *testscript.TestScript) *fakeprovider.Provider {
	return ts.Value("fake").(*fakeprovider.Provider)
}

// exits STATUS COMMAND…: runs a command and wants this exit status.
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// challenge [order|handoff] [KEY=VALUE…]: makes a challenge. Its frame is $FRAME, its id $ID, its picture qr.png and qr.jpg. A value may
// have Go's escapes.
func cmdChallenge(ts *testscript.TestScript, _ bool, args []string) {
	make, kind := fake(ts).Challenge, ""
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		kind, args = args[0], args[1:]
	}
	if kind == "handoff" {
		make = fake(ts).Handoff
	}
	c, frame := make(func(c *fakeprovider.Challenge) {
		order, asked := fakeprovider.Order(), c.Consent.Handoff
		if kind == "order" {
			c.Consent.Order, c.Consent.CurrencyDigits = order, new(2)
		}
		for _, arg := range args {
			key, quoted, _ := strings.Cut(arg, "=")
			value, err := strconv.Unquote(`"` + quoted + `"`)
			ts.Check(err)
			switch key {
			case "name":
				c.Consent.Client.Name = value
			case "domains":
				c.Consent.Client.Domains = strings.Fields(value)
			case "agent": // that the provider has no words for
				c.Consent.Browser.UserAgent, c.Consent.Browser.Name = &value, nil
			case "near":
				c.Consent.Proximity = (*api.ConsentProximity)(&value)
			case "warnings":
				warnings := []api.ConsentWarnings{}
				for _, warning := range strings.Fields(value) {
					warnings = append(warnings, api.ConsentWarnings(warning))
				}
				c.Consent.Warnings = &warnings
			case "digits":
				c.Consent.Confirmation = new(value == "true")
			case "address":
				c.Consent.Browser.Address = &value
			case "resources":
				c.Consent.Resources = new(strings.Fields(value))
			case "scopes":
				c.Consent.Scopes = strings.Split(value, " ")
			case "session":
				c.Consent.SessionOffered = new(value == "true")
			case "message":
				c.Consent.BindingMessage = &value
			case "refuse":
				c.Refuse = new(api.Problem)
				_, err := fmt.Sscanf(value, "%d %s", &c.Refuse.Status, &c.Refuse.Code)
				ts.Check(err)
			case "pay":
				order.PaymentUri = &value
			case "kiosk":
				id, place, _ := strings.Cut(value, "/")
				order.Kiosk = &api.Kiosk{Id: id, Place: place}
			case "goods":
				order.Lines[0].Name = value
			case "decimals":
				c.Consent.CurrencyDigits = new(0)
				_, err := fmt.Sscan(value, c.Consent.CurrencyDigits)
				ts.Check(err)
			case "currency":
				order.Currency = value
			case "kind":
				asked.Kind = value
			case "types":
				asked.MediaTypes = new(strings.Fields(value))
			case "limit":
				_, err := fmt.Sscan(value, c.Consent.HandoffLimit)
				ts.Check(err)
			case "lie":
				fakeprovider.Lie(c)
			case "reject":
				c.Reject = new(api.Problem)
				_, err := fmt.Sscanf(value, "%d %s", &c.Reject.Status, &c.Reject.Code)
				ts.Check(err)
			default:
				ts.Fatalf("challenge: unknown key %s", key)
			}
		}
	})
	ts.Setenv("FRAME", frame)
	ts.Setenv("ID", c.ID)
	writeCode(ts, "qr", frame)
}

// writeCode writes NAME.png and NAME.jpg.
func writeCode(ts *testscript.TestScript, name, text string) {
	q, err := qrcode.New(text, qrcode.Medium)
	ts.Check(err)
	var p, j bytes.Buffer
	ts.Check(png.Encode(&p, q.Image(300)))
	ts.Check(jpeg.Encode(&j, q.Image(300), &jpeg.Options{Quality: 50}))
	ts.Check(os.WriteFile(ts.MkAbs(name+".png"), p.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(name+".jpg"), j.Bytes(), 0o644))
}

// state STATE: wants the state of the last challenge.
func cmdState(ts *testscript.TestScript, _ bool, args []string) {
	if got := fake(ts).State(ts.Getenv("ID")); got != args[0] {
		ts.Fatalf("the challenge is %s, want %s", got, args[0])
	}
}

// [!] session: wants that the last challenge was approved with a session, or not.
func cmdSession(ts *testscript.TestScript, not bool, _ []string) {
	if got := fake(ts).Session(ts.Getenv("ID")); got == not {
		ts.Fatalf("the challenge has session %t", got)
	}
}

// [!] unlocked: wants that the last challenge was approved with the PIN, or not.
func cmdUnlocked(ts *testscript.TestScript, not bool, _ []string) {
	if got := fake(ts).Unlocked(ts.Getenv("ID")); got == not {
		ts.Fatalf("the challenge was unlocked: %t", got)
	}
}

// sent FILE TYPE: wants that the page gets this, byte for byte. ! sent: wants that nothing is kept.
func cmdSent(ts *testscript.TestScript, not bool, args []string) {
	if not {
		if fake(ts).Kept(ts.Getenv("ID")) {
			ts.Fatalf("something is kept")
		}
		return
	}
	mediaType, plain, err := fake(ts).Sent(ts.Getenv("ID"))
	ts.Check(err)
	if string(plain) != ts.ReadFile(args[0]) || mediaType != args[1] {
		ts.Fatalf("sent %q of %s", plain, mediaType)
	}
}

// till ANSWER…: starts a shop's payment page at $PAY that gives these answers in turn: unpaid, pending, paid, or a status and a body.
// till asked METHOD…: wants these requests.
func cmdTill(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "asked" {
		if got := (*ts.Value("till").(**fakeprovider.Till)).Asked(); !slices.Equal(got, args[1:]) {
			ts.Fatalf("asked %q", got)
		}
		return
	}
	var answers []string
	for _, arg := range args {
		known := map[string]string{"unpaid": fakeprovider.Unpaid, "pending": fakeprovider.Pending, "paid": fakeprovider.Paid}
		answers = append(answers, cmp.Or(known[arg], arg))
	}
	till := fakeprovider.NewTill(answers...)
	ts.Defer(till.Close)
	*ts.Value("till").(**fakeprovider.Till) = till
	ts.Setenv("PAY", till.URI)
}

// login NAME [KEY=VALUE…]: makes a login, whose id is $NAME. A value may have Go's escapes.
func cmdLogin(ts *testscript.TestScript, _ bool, args []string) {
	id := fake(ts).Login(func(l *api.Login) {
		for _, arg := range args[1:] {
			key, quoted, _ := strings.Cut(arg, "=")
			value, err := strconv.Unquote(`"` + quoted + `"`)
			ts.Check(err)
			switch key {
			case "site":
				l.Client.Name = value
			case "domains":
				l.Client.Domains = strings.Fields(value)
			case "agent": // that the provider has no words for
				l.UserAgent, l.Browser = &value, nil
			case "browser":
				name, system, _ := strings.Cut(value, "/")
				l.Browser = &api.BrowserName{Name: name, System: system}
			case "place":
				city, country, _ := strings.Cut(value, "/")
				l.Place = &api.Place{City: &city, Country: &country}
			case "address":
				l.Address = &value
			case "session":
				l.Session = value == "true"
			case "at", "ended":
				at, err := time.Parse(time.RFC3339, value)
				ts.Check(err)
				if l.At = at; key == "ended" {
					l.EndedAt = &at
				}
			default:
				ts.Fatalf("login: unknown key %s", key)
			}
		}
	})
	ts.Setenv(args[0], id)
}

// event KIND [KEY=VALUE…]: makes an event. A value may have Go's escapes.
func cmdEvent(ts *testscript.TestScript, _ bool, args []string) {
	kind, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	e := api.Event{Kind: api.EventKind(kind), At: time.Now().UTC()}
	for _, arg := range args[1:] {
		key, quoted, _ := strings.Cut(arg, "=")
		value, err := strconv.Unquote(`"` + quoted + `"`)
		ts.Check(err)
		first, second, _ := strings.Cut(value, "/")
		switch key {
		case "at":
			e.At, err = time.Parse(time.RFC3339, value)
			ts.Check(err)
		case "site":
			e.Client = &api.EventClient{Id: "site", Name: value}
		case "login":
			e.Login = &value
		case "device":
			e.Device = &value
		case "active":
			active, err := time.Parse(time.RFC3339, value)
			ts.Check(err)
			e.ActiveAt = &active
		case "address":
			e.Address = &value
		case "browser":
			e.Browser = &api.BrowserName{Name: first, System: second}
		case "place":
			e.Place = &api.Place{City: &first, Country: &second}
		default:
			ts.Fatalf("event: unknown key %s", key)
		}
	}
	fake(ts).Event(e)
}

// device NAME TEXT: adds a device of that text as its name, which waits. Its id is $NAME.
func cmdDevice(ts *testscript.TestScript, _ bool, args []string) {
	name, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Setenv(args[0], fake(ts).Device(name))
}

// logged STATE NAME…: wants these logins active, ended or disowned.
func cmdLogged(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		if got := fake(ts).LoginState(ts.Getenv(name)); got != args[0] {
			ts.Fatalf("the login %s is %s, want %s", name, got, args[0])
		}
	}
}

// asked N METHOD PATH: wants so many requests of a route.
func cmdAsked(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	for _, route := range fake(ts).Requests() {
		if route == args[1]+" "+args[2] {
			got++
		}
	}
	if got != want {
		ts.Fatalf("asked %d times, want %d", got, want)
	}
}

// provider drop METHOD PATH N | nonce NONCE | issuer ISSUER | forget | wait: makes the provider misbehave.
func cmdProvider(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "drop":
		n, err := strconv.Atoi(args[3])
		ts.Check(err)
		fake(ts).Drop(args[1]+" "+args[2], n)
	case "nonce":
		fake(ts).SetNonce(args[1])
	case "issuer":
		fake(ts).SetIssuer(args[1])
	case "forget":
		fake(ts).Forget()
	case "wait":
		fake(ts).SetWait()
	default:
		ts.Fatalf("provider: unknown %s", args[0])
	}
}

// serve [NAME=MAX/WINDOW…]: starts a real provider in the fake's place, with these limits, which writes enrolment codes to codes. With
// "serve losing" it never gives a token.
func cmdServe(ts *testscript.TestScript, _ bool, args []string) {
	losing := len(args) > 0 && args[0] == "losing"
	if losing {
		args = nil
	}
	token := strings.Repeat("registration-token-", 2)
	provider, err := real.New(context.Background(), real.Config{
		Issuer: "http://localhost:9000", SMS: "file:" + ts.MkAbs("codes"), RegistrationToken: token, Limits: args, Log: slog.New(slog.DiscardHandler),
	})
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if losing && r.URL.Path == "/token" {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		}
		provider.Handler().ServeHTTP(w, r)
	}))
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
		ts.Check(provider.Close())
	})
	ts.Setenv("PROVIDER", server.URL)
	ts.Setenv("MOBILE_SIM_REGISTRATION_TOKEN", token)
}

// picture KIND FILE: writes a picture that is no good.
func cmdPicture(ts *testscript.TestScript, _ bool, args []string) {
	q, err := qrcode.New(ts.Getenv("PROVIDER")+"/q/A", qrcode.Medium)
	ts.Check(err)
	code := q.Image(300)
	var b bytes.Buffer
	switch args[0] {
	case "bomb": // 30,000 × 30,000 in a hundred kilobytes
		b.WriteString("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
		chunk := []byte("IHDR")
		chunk = binary.BigEndian.AppendUint32(chunk, 30_000)
		chunk = binary.BigEndian.AppendUint32(chunk, 30_000)
		chunk = append(chunk, 8, 2, 0, 0, 0)
		b.Write(binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk)))
		b.Write(make([]byte, 100<<10))
	case "truncated":
		ts.Check(png.Encode(&b, code))
		b.Truncate(b.Len() / 2)
	case "gif":
		ts.Check(gif.Encode(&b, code, nil))
	case "blank":
		ts.Check(png.Encode(&b, image.NewGray(image.Rect(0, 0, 100, 100))))
	case "heavy":
		ts.Check(png.Encode(&b, code))
		b.Write(make([]byte, 9<<20))
	case "two", "ours": // of the provider's, and of somebody else's or of its own
		second := map[string]string{"two": "https://evil.example/", "ours": ts.Getenv("PROVIDER") + "/q/B"}[args[0]]
		other, err := qrcode.New(second, qrcode.Medium)
		ts.Check(err)
		both := image.NewGray(image.Rect(0, 0, 640, 320))
		draw.Draw(both, image.Rect(10, 10, 310, 310), code, image.Point{}, draw.Src)
		draw.Draw(both, image.Rect(330, 10, 630, 310), other.Image(300), image.Point{}, draw.Src)
		ts.Check(png.Encode(&b, both))
	default:
		writeCode(ts, strings.TrimSuffix(args[1], ".png"), args[0]) // of a foreign code
		return
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o644))
}

// mode FILE MODE: wants a file's permissions.
func cmdMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}
