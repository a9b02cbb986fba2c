package oauth

import (
	"encoding/base64"
	"net/url"
	"testing"
)

// Credentials are one client's or none, exactly what RFC 6749 §2.3.1 encodes, and a refusal says nothing of them.
func FuzzCredentials(f *testing.F) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, seed := range []struct{ header, id, secret string }{
		{"", "", ""}, {"", "tv", ""}, {"", "shop", "s"}, {basic("shop:s"), "", ""}, {basic("shop:s"), "shop", ""}, {basic("shop:s"), "tv", ""},
		{basic("shop:s"), "", "s"}, {basic("a%3Ab:p%2Bq+r"), "", ""}, {basic(":"), "", ""}, {basic("shop"), "", ""}, {basic("a:%zz"), "", ""},
		{"Basic", "", ""}, {"Basic %%%", "", ""}, {"Bearer x", "tv", ""}, {"bASIC " + base64.StdEncoding.EncodeToString([]byte("a:b:c")), "", ""}, {basic("\xff:\x00"), "", ""},
	} {
		f.Add(seed.header, seed.id, seed.secret)
	}
	f.Fuzz(func(t *testing.T, header, formID, formSecret string) {
		given := form{}
		for name, value := range map[string]string{"client_id": formID, "client_secret": formSecret} {
			if value != "" { // as parseForm keeps them
				given[name] = value
			}
		}
		var headers []string
		if header != "" {
			headers = []string{header}
		}
		said, err := readCredentials(headers, given)
		id, secret := said.id, said.secret
		if err != nil {
			if e, known := translate(err); !known || e.Status != 400 && e.Status != 401 {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		switch {
		case id == "":
			t.Fatal("nobody, and no error")
		case header == "" && (id != formID || secret != formSecret):
			t.Fatalf("the form says %q %q, read %q %q", formID, formSecret, id, secret)
		case header != "" && (formSecret != "" || formID != "" && formID != id):
			t.Fatalf("two clients or two ways: %q %q %q", header, formID, formSecret)
		}
		// The same client, written anew, is the same client.
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
		if twice, err := readCredentials([]string{again}, form{}); err != nil || twice != said {
			t.Fatalf("%+v, and again %+v, %v", said, twice, err)
		}
		if _, err := readCredentials([]string{again, again}, form{}); err == nil {
			t.Fatal("two Authorization headers")
		}
	})
}
