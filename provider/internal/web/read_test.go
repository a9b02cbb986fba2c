package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// thing is what a body is read into.
type thing struct {
	Code string `json:"code"`
	Name string `json:"name"`
	List []any  `json:"list"`
}

const limit = 1 << 10

func read(body string) (thing, error) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	c.Request.Header.Set("Content-Type", "application/json; charset=utf-8")
	var v thing
	return v, ReadJSON(c, &v, limit)
}

// See crowd.Work.
func TestABodyThatComesWhereThereIsTooMuchWorkIsRefused(t *testing.T) {
	for method, want := range map[string]error{http.MethodPost: Unavailable, http.MethodGet: nil} {
		var err error
		e := gin.New()
		e.Use(LimitBodyTime)
		e.Any("/", Handle(func(c *gin.Context) error {
			_, err = ReadBytes(c, limit)
			return err
		}, Fail(slog.New(slog.DiscardHandler))))
		a := httptest.NewRecorder()
		e.ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), method, "/", io.MultiReader(strings.NewReader("a"), iotest.ErrReader(Unavailable))))
		if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" || !errors.Is(err, want) {
			t.Errorf("%s: %d %v, %v", method, a.Code, a.Header(), err)
		}
	}
}

func TestOneObjectIsRead(t *testing.T) {
	v, err := read(` {"code":"ü\u00fc","list":[{"a":1,"a":2}]} `)
	if err != nil || v.Code != "üü" || v.Name != "" || len(v.List) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

// What looks like a name inside a value is none.
func TestOnlyTheNamesOfMembersMayNotRepeat(t *testing.T) {
	for _, body := range []string{
		`{"code":"name","name":"code"}`, `{"code":"\",\"code\":\"","name":"\\"}`, `{"list":["code",{"code":":,"},["code","code"],"code"],"code":"a"}`,
		`{ "list" : [ ] , "code" : "{" }`,
	} {
		if v, err := read(body); err != nil {
			t.Errorf("%s: %+v, %v", body, v, err)
		}
	}
}

func TestABodyThatIsNotTheObjectIsRefused(t *testing.T) {
	for _, body := range []string{
		"", "null", "1", `"x"`, "[]", "{", "}", `{"code"}`, `{"code":}`, `{"code":1}`, `{"code":"a"`, `{"code":"a"}{}`, `{"code":"a"}x`, `{"code":"a"},`,
		`{"code":"a","code":"a"}`, `{"code":"a","c\u006fde":"a"}`, `{"list":[{}],"code":"a","list":[]}`, `{"code":"a","x":1}`, `{"Code":"a"}`, `{"code":"a","CODE":"b"}`, "{\"code\":\"\xff\"}", "{\"code\":\"\n\"}", `{"":1}`,
		"{\"\u017fecret\":1}", "\ufeff{}", `{'code':'a'}`, `{"code":"a",}`, `{"list":` + strings.Repeat("[", 900), "{}\x00",
	} {
		if v, err := read(body); err == nil {
			t.Errorf("%q: %+v", body, v)
		} else if p, known := ProblemOf(err); !known || p.Code != "bad-request" {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestABodyIsReadUpToItsLimit(t *testing.T) {
	full := `{"code":"` + strings.Repeat("a", limit-11) + `"}`
	if _, err := read(full); err != nil || len(full) != limit {
		t.Errorf("%d bytes: %v", len(full), err)
	}
	if _, err := read(full + " "); err != TooLarge {
		t.Errorf("one byte more: %v", err)
	}
}

// What is read is what encoding/json reads of one whole object whose members are known, spelled right and there once; and
// written again it reads the same.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"code":"a"}`, `{"code":"a","name":"b","list":[1,null,"x",{"y":[]}]}`, `{"code":"a","code":"b"}`, `{"Code":"a"}`, `{"code":null}`, `[]`, ``,
		`{"code":"\ud800"}`, `{"c\u006fde":"a"}`, `{"code":"a"} {}`, `{"list":[[[[[]]]]]}`, "{\"code\":\"\x00\"}", `{"code":1e999}`, `{"x":{"code":1,"code":2}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := read(body)
		if err != nil {
			if p, known := ProblemOf(err); !known || p.Status >= 500 || p.Status < 400 {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !utf8.ValidString(body) || len(body) > limit {
			t.Fatalf("%q was read", body)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("%q is no object: %v", body, err)
		}
		for name := range members {
			if name != "code" && name != "name" && name != "list" {
				t.Fatalf("%q has %q", body, name)
			}
		}
		if n := topLevelMembers(t, body); n != len(members) {
			t.Fatalf("%q has %d members, and %d names", body, n, len(members))
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > limit {
			return
		}
		second, err := read(string(again))
		if err != nil {
			t.Fatalf("%q does not read again: %v", again, err)
		}
		if third, err := json.Marshal(second); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%s became %s, %v", again, third, err)
		}
	})
}

// topLevelMembers counts the members of an object, those that are repeated as often as they are there.
func topLevelMembers(t *testing.T, body string) (n int) {
	d := json.NewDecoder(strings.NewReader(body))
	depth, key := 0, false
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			key = depth == 1
			continue
		case json.Delim('}'), json.Delim(']'):
			if depth--; depth == 0 {
				return n
			}
		}
		if depth == 1 {
			if key {
				n++
			}
			key = !key
		}
	}
}

func TestAQueryIsKnownParametersOnce(t *testing.T) {
	query := func(raw string) error {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		c.Request.URL.RawQuery = raw
		_, err := Query(c, "after")
		return err
	}
	for _, good := range []string{"", "after=1", "after=", "after=%C3%BC"} {
		if err := query(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"x", "after=1&x=1", "after=1&after=1", "%zz", "after=%ff", "a;b", "After=1", "="} {
		if err := query(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestRetryAfterIsWholeSecondsAndNeverNone(t *testing.T) {
	for d, want := range map[string]string{"0s": "1", "1ms": "1", "1s": "1", "1001ms": "2", "10m": "600"} {
		if got := RetryAfter(duration(t, d)); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
