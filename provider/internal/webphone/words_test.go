package webphone_test

import (
	"cmp"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var word = regexp.MustCompile(`(?m)^  '?([\w.-]+)'?:\s*'(.*)',$`)

// words is the words of a language by key.
func words(t testing.TB, language string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("src/words/" + language + ".js")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range word.FindAllStringSubmatch(string(text), -1) {
		if _, twice := found[m[1]]; twice {
			t.Errorf("%s has %s twice", language, m[1])
		}
		found[m[1]] = m[2]
	}
	return found
}

// word is what a phone calls something, in its language.
func (p *handset) word(key string) string {
	p.t.Helper()
	text, found := words(p.t, p.language)[key]
	if !found {
		p.t.Fatalf("no word for %s", key)
	}
	return text
}

// refusals is the codes of openapi.yaml that no phone ever gets, or that have a screen of their own.
var refusals = []string{
	"bad-request", "watch-invalid", "waiting-full", "transaction-unknown", "proof-nonce", "device-unknown", "device-waiting", "origin-not-allowed", "method-not-allowed",
	"confirmation-wrong",
	"code", "outcome", "tries_left", // members
}

func TestThereAreWordsForWhateverTheProviderSays(t *testing.T) {
	contract, err := os.ReadFile("../../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	en := words(t, "en")
	text := string(contract)
	of := func(from, to, pattern string) []string {
		_, text, _ := strings.Cut(text, from)
		text, _, _ = strings.Cut(text, to)
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, cmp.Or(m[1:]...))
		}
		return all
	}
	codes := of("    Problem:\n      description: |", "      headers:", "`([a-z_-]+)`")
	kinds := of("    EventKind:", "    EventClient:", `(?m)^        - ([\w.-]+)$`)
	warnings := of("        warnings:", "description", `enum: \[(\S+), (\S+), (\S+)\]`)
	if len(codes) < 25 || len(kinds) < 13 || len(warnings) != 1 {
		t.Fatalf("found %d codes, %d kinds, warnings %v", len(codes), len(kinds), warnings)
	}
	for _, code := range codes {
		if en["problem."+code] == "" && !slices.Contains(refusals, code) {
			t.Errorf("no words for the problem %s", code)
		}
	}
	for _, kind := range kinds {
		if en["events."+kind] == "" {
			t.Errorf("no words for the event %s", kind)
		}
	}
}

var param = regexp.MustCompile(`\{\w+\}`)

func TestBothLanguagesSayTheSame(t *testing.T) {
	en, zh := words(t, "en"), words(t, "zh")
	if len(en) < 150 {
		t.Fatalf("%d words found", len(en))
	}
	for key, text := range en {
		other, found := zh[key]
		if !found {
			t.Errorf("zh has no %s", key)
			continue
		}
		of := func(text string) []string {
			all := param.FindAllString(text, -1)
			slices.Sort(all)
			return all
		}
		if !slices.Equal(of(text), of(other)) {
			t.Errorf("%s speaks of %v and of %v", key, of(text), of(other))
		}
	}
	for key := range zh {
		if _, found := en[key]; !found {
			t.Errorf("en has no %s", key)
		}
	}
}
