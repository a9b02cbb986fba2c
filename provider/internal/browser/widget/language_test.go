package widget_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const arabic = `({ addLanguage }) => addLanguage('ar', {
	pending: 'امسح الرمز بهاتفك لتسجيل الدخول', confirming: 'اكتب الأرقام الأربعة التي يعرضها هاتفك', wrong: 'ليست هذه الأرقام. بقيت {tries} محاولات.', label: 'رمز',
})`

func TestWidgetSpeaksALanguageThatThePageAdds(t *testing.T) {
	p, s, b := setup(t)
	s.show("ar-EG", s.element)
	b.visit()
	b.awaitStatus("Scan with your phone to log in") // not yet
	b.load(arabic)
	b.awaitStatus("امسح الرمز بهاتفك لتسجيل الدخول")
	if got := js[string](b, "root.querySelector('.card').lang + ' ' + root.querySelector('.code').getAttribute('aria-label') + ' ' + getComputedStyle(root.querySelector('.words')).direction"); got != "ar رمز rtl" {
		t.Errorf("it is %s", got)
	}
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges", n)
	}
	// What has no word is said in English.
	p.set(p.challenge(0), "claimed")
	b.awaitStatus("Scanned. Confirm on your phone.")
	p.set(p.challenge(0), "confirming")
	b.awaitStatus("اكتب الأرقام الأربعة التي يعرضها هاتفك")
	b.await(focused + " && getComputedStyle(root.querySelector('input')).direction === 'ltr'")
	b.keys("1111")
	b.awaitStatus("ليست هذه الأرقام. بقيت 2 محاولات.")
	b.close(true)
}

func TestWidgetTakesOtherWordsForALanguageThatItHas(t *testing.T) {
	_, _, b := open(t)
	b.load("({ addLanguage }) => addLanguage('EN', { pending: '<b>Point</b> your phone here' })")
	b.awaitStatus("<b>Point</b> your phone here") // words, and no markup
	b.await("root.querySelector('.hint').textContent.startsWith('Open the app')")
	// A narrower language is asked for first.
	b.load("({ addLanguage }) => addLanguage('en-AU', { pending: 'G’day' })")
	js[bool](b, "(widget.lang = 'en-AU', true)")
	b.awaitStatus("G’day")
	js[bool](b, "(widget.lang = 'en-AU-x-more', true)")
	b.awaitStatus("G’day")
	js[bool](b, "(widget.lang = 'constructor', true)")
	b.awaitStatus("<b>Point</b> your phone here")
	b.close(false)
}

// words are the names of the words of a language, in the order of the source.
func words(t *testing.T, language string) []string {
	t.Helper()
	source, err := os.ReadFile("src/strings.js")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(source), "    '"+language+"',")
	text, _, ended := strings.Cut(after, "    },")
	if !found || !ended {
		t.Fatalf("no words of %s", language)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^      '?([\w.]+)'?: `).FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

func TestEveryLanguageHasEveryWordAndTheDocumentationNamesThem(t *testing.T) {
	english := words(t, "en")
	if chinese := words(t, "zh"); !slices.Equal(english, chinese) || len(english) < 20 {
		t.Errorf("English has %v, Chinese %v", english, chinese)
	}
	documentation, err := os.ReadFile("../../../../docs/widget.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range english {
		if name != "lang" && !strings.Contains(string(documentation), "  "+name+": '") && !strings.Contains(string(documentation), "  '"+name+"': '") {
			t.Errorf("docs/widget.md does not name %s", name)
		}
	}
}
