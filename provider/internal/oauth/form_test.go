package oauth

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAFormHasEachParameterOnce(t *testing.T) {
	f, err := parseForm("a=1&b=%C3%BC&empty=&resource=x&resource=y&unknown=1")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(f, form{"a": "1", "b": "ü", "resource": "x y", "unknown": "1"}) {
		t.Errorf("%v", f)
	}
	for _, bad := range []string{"a=1&a=1", "a=&a=", "a&a", "a=%zz", "a;b", "a=%ff", "%ff=a", "%00=a", "a=%00", "resource=x&resource=%ff", "\xff=1"} {
		if f, err := parseForm(bad + "&b=1"); err == nil || !maps.Equal(f, form{"b": "1"}) {
			t.Errorf("%q: %v, %v", bad, f, err)
		} else if e, known := translate(err); !known || e.Code != "invalid_request" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAScopeIsNamedOnce(t *testing.T) {
	if got := (form{"scope": " openid  phone openid\t"}).list("scope"); strings.Join(got, ",") != "openid,phone" {
		t.Errorf("%q", got)
	}
	if got := (form{}).list("scope"); got != nil {
		t.Errorf("%q", got)
	}
}

// What is read is what any other reader of the form reads, each parameter once; and written again it reads the same.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"", "a=1", "a=1&b=2", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=A.b", "a=1&a=2", "resource=1&resource=2",
		"a=%00", "%00=a", "a=%ff", "a=%zz", "a;b=c", "=", "&&&", "a=+%2B", "a", "scope=openid+phone&scope=", "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			if e, known := translate(err); !known || e.Status != 400 || e.Code != "invalid_request" {
				t.Fatalf("%q: %v, %v", body, got, err)
			}
			values, _ := url.ParseQuery(body)
			for name, value := range got {
				if all := values[name]; name != "resource" && (len(all) != 1 || all[0] != value) {
					t.Fatalf("%q: %q is %q", body, name, value)
				}
			}
			return
		}
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q is malformed, and was read as %v", body, got)
		}
		for name, all := range values {
			if name != "resource" && len(all) != 1 {
				t.Fatalf("%q repeats %q", body, name)
			}
			if want := strings.Join(all, " "); got[name] != want {
				t.Fatalf("%q: %q is %q, want %q", body, name, got[name], want)
			}
		}
		again := url.Values{}
		for name, value := range got {
			if value == "" || len(values[name]) == 0 || !utf8.ValidString(name+value) || strings.ContainsRune(value, 0) {
				t.Fatalf("%q: %q is %q", body, name, value)
			}
			again.Set(name, value)
		}
		if second, err := parseForm(again.Encode()); err != nil || !maps.Equal(second, got) {
			t.Fatalf("%q: %v, and written again %v, %v", body, got, second, err)
		}
	})
}
