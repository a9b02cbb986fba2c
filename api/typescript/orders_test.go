package typescript

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

const orders = "../../docs/orders.md"

func TestTheOrderInGoIsApprovedAndItsReceiptVerified(t *testing.T) {
	program := filepath.Join(t.TempDir(), "main.go")
	write(t, program, shown(t, orders, "go")[0])
	if said := run(t, exec.CommandContext(t.Context(), "go", "run", program)); !strings.HasPrefix(said, "approved: ") || !strings.HasSuffix(said, " 64000 CNY\n") {
		t.Errorf("it says %q", said)
	}
}

func TestAReceiptIsCheckedInPython(t *testing.T) {
	program := filepath.Join(t.TempDir(), "receipt.py")
	write(t, program, shown(t, orders, "python")[0])
	checksReceipts(t, "/usr/bin/python3", program)
}

func TestAReceiptIsCheckedInJavaScript(t *testing.T) {
	program := filepath.Join(t.TempDir(), "receipt.mjs")
	write(t, program, shown(t, orders, "js")[0])
	checksReceipts(t, "node", program)
}

// checksReceipts runs a program that checks receipts: it takes the good one, and refuses all others with a reason.
func checksReceipts(t *testing.T, command ...string) {
	t.Helper()
	const issuer, challenge = "https://login.example", "4F2ZC6YH3V7Q5K5SYO2MBW4JXE"
	key, stranger := newKey(t), newKey(t)
	asked := func() api.Order {
		return api.Order{
			Type: api.OrderTypeOrder, OrderId: "2026-0815", Merchant: "The Shop", Currency: "CNY", Total: 64_000,
			Lines: []api.OrderLine{{Name: "月亮罐 <>&", Quantity: 1, UnitPrice: 48_000}, {Name: "Bowl", Quantity: 2, UnitPrice: 8_000}},
			Kiosk: &api.Kiosk{Id: "lobby-1", Place: "Lobby, ground floor"}, PaymentUri: new("https://shop.example/pay/6JZ5L3RQ"),
		}
	}
	type receipt struct {
		client string
		order  *api.Order
		key    *ecdsa.PrivateKey
		proof.Statement
		spoil func(string) string
	}
	unspoilt := func(s string) string { return s }
	for name, c := range map[string]struct {
		change func(*receipt)
		says   string // "" for nothing
	}{
		"the good one":                {func(*receipt) {}, ""},
		"the good one, with a PIN":    {func(r *receipt) { r.PIN = true }, ""},
		"another key's":               {func(r *receipt) { r.key = stranger }, "another key has signed it"},
		"another provider's":          {func(r *receipt) { r.Audience = "https://other.example" }, "it is for another provider"},
		"a refusal":                   {func(r *receipt) { r.Verdict = proof.Deny }, "it is a refusal"},
		"another site's":              {func(r *receipt) { r.client = "kiosk" }, "it is another site's"},
		"a login's":                   {func(r *receipt) { r.order = nil }, "it is of another order"},
		"an earlier order's":          {func(r *receipt) { r.order.OrderId = "2026-0814" }, "it is of another order"},
		"of another amount":           {func(r *receipt) { r.order.Total++ }, "it is of another order"},
		"of another line":             {func(r *receipt) { r.order.Lines[0].Quantity++ }, "it is of another order"},
		"of a line less":              {func(r *receipt) { r.order.Lines = r.order.Lines[:1] }, "it is of another order"},
		"of another merchant":         {func(r *receipt) { r.order.Merchant = "A Shop" }, "it is of another order"},
		"of another machine":          {func(r *receipt) { r.order.Kiosk.Place = "Cellar" }, "it is of another order"},
		"of no machine":               {func(r *receipt) { r.order.Kiosk = nil }, "it is of another order"},
		"paid elsewhere":              {func(r *receipt) { r.order.PaymentUri = new("https://evil.example/") }, "it is of another order"},
		"one with a changed decision": {func(r *receipt) { r.Verdict, r.spoil = proof.Deny, approving }, "signature"},
		"a DPoP proof": {func(r *receipt) {
			r.spoil = func(string) string {
				jws, err := proof.SignDPoP(key, "POST", issuer, "", time.Now())
				if err != nil {
					t.Fatal(err)
				}
				return jws
			}
		}, "it is no decision"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receipt{"shop", new(asked()), key, proof.Statement{Audience: issuer, Challenge: challenge, Verdict: proof.Approve}, unspoilt}
			c.change(&r)
			consent := api.Consent{Challenge: challenge, Order: r.order, Scopes: []string{"openid"}, ClaimedAt: time.Now()}
			consent.Client.Id, consent.Client.Name = r.client, "The Shop"
			var err error
			if r.Consent, err = json.Marshal(consent); err != nil {
				t.Fatal(err)
			}
			jws, err := proof.SignDecision(r.key, r.Statement, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			input, err := json.Marshal(map[string]any{"receipt": r.spoil(jws), "order": asked()})
			if err != nil {
				t.Fatal(err)
			}
			program := exec.CommandContext(t.Context(), command[0], command[1:]...)
			program.Env = append(os.Environ(), "ISSUER="+issuer, "CLIENT_ID=shop", "DEVICE_JKT="+proof.Thumbprint(&key.PublicKey))
			program.Stdin = bytes.NewReader(input)
			said, err := program.CombinedOutput()
			if (err == nil) != (c.says == "") || !strings.Contains(string(said), c.says) {
				t.Errorf("%v, and it says %q, want %q", err, said, c.says)
			}
		})
	}
}

// approving makes an approval of a signed refusal, whose signature is then wrong.
func approving(jws string) string {
	parts := strings.Split(jws, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(claims, []byte("deny"), []byte("approve"), 1))
	return strings.Join(parts, ".")
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
