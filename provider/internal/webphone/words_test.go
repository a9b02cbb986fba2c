package webphone_test

import (
	"os"
	"regexp"
	"slices"
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
