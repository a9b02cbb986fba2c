package widget_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"qrlogin/provider/internal/browser/widget"
)

func TestScriptIsSmall(t *testing.T) {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	w.Write(widget.Script)
	w.Close()
	t.Logf("%d bytes, %d gzipped", len(widget.Script), packed.Len())
	if packed.Len() > 16_000 {
		t.Errorf("%d bytes gzipped", packed.Len())
	}
}

func TestScriptKeepsTheEncodersLicence(t *testing.T) {
	for _, words := range []string{"MIT License", "Copyright (c) 2021-2025 David Evans", "The above copyright notice and this permission notice"} {
		if !strings.Contains(string(widget.Script), words) {
			t.Errorf("the bundle does not say %q", words)
		}
	}
}

func TestScriptNamesNoPlaceItWasMadeIn(t *testing.T) {
	for _, words := range []string{"/home/", "node_modules", "sourceMappingURL"} {
		if strings.Contains(string(widget.Script), words) {
			t.Errorf("the bundle says %q", words)
		}
	}
}
