package main

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"qrlogin/api"
)

func TestEveryKindOfEventHasWordsInBothLanguages(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := doc.Components.Schemas["EventKind"].Value.Enum
	for name, language := range map[string]*words{"en": &english, "zh": &chinese} {
		said := map[string]bool{}
		for _, kind := range kinds {
			text := language.events[api.EventKind(kind.(string))]
			if text == "" || said[text] {
				t.Errorf("%s: %s is %q", name, kind, text)
			}
			said[text] = true
		}
		if len(language.events) != len(kinds) {
			t.Errorf("%s has words for %d kinds, of which there are %d", name, len(language.events), len(kinds))
		}
	}
}
