package main

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// sending is a file that is to be handed off.
type sending struct {
	name string
	size int64
	phone.Content
}

// read takes no more of a file than tells whether it is too large. mediaType is "" for the file's own.
func read(f *os.File, mediaType string, limit int64) (*sending, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(f.Name())
	if mediaType == "" {
		mediaType = typeOf(name, data)
	}
	return &sending{name, max(info.Size(), int64(len(data))), phone.Content{MediaType: mediaType, Data: data}}, nil
}

// typeOf is the media type of a file: by its name, or by what it begins with. A charset would be a guess, and is left out.
func typeOf(name string, data []byte) string {
	found := mime.TypeByExtension(strings.ToLower(filepath.Ext(name)))
	if found == "" {
		found = http.DetectContentType(data)
	}
	mediaType, _, _ := strings.Cut(found, ";")
	return mediaType
}

// showHandoff says what is asked for, in the site's words, and what would be sent; s is nil for nothing.
func (t *words) showHandoff(b *strings.Builder, c *api.Consent, s *sending) {
	asked := []string{safe(c.Handoff.Kind)}
	if c.Handoff.MediaTypes != nil {
		asked = append(asked, fmt.Sprintf(t.as, safe(strings.Join(*c.Handoff.MediaTypes, ", "))))
	}
	if c.HandoffLimit != nil {
		asked = append(asked, fmt.Sprintf(t.atMost, t.size(*c.HandoffLimit)))
	}
	t.field(b, t.asks, asked)
	if s != nil {
		t.field(b, t.file, []string{safe(s.name), safe(s.MediaType), t.size(s.size), t.sealed})
	}
}

// size is a number of bytes in words.
func (t *words) size(n int64) string {
	const kB, MB = 1 << 10, 1 << 20
	switch {
	case n >= MB:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/MB), ".0") + " MB"
	case n >= kB:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/kB), ".0") + " kB"
	default:
		return fmt.Sprintf(t.bytes, n)
	}
}
