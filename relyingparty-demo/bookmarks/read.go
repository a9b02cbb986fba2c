package bookmarks

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The bounds of a file. A browser's own has a few thousand entries, a few levels deep.
const (
	mostEntries = 50_000 // folders and bookmarks together
	mostDepth   = 64     // folders within folders
	longest     = 2048   // bytes of a title; an address may be twice as long
)

// The faults of a file.
var (
	ErrNoBookmarks = errors.New("bookmarks: this is no bookmark file")
	ErrTooMany     = fmt.Errorf("bookmarks: more than %d entries, or folders more than %d deep", mostEntries, mostDepth)
)

// Entry is a bookmark or, if it has no address of its own, a folder.
type Entry struct {
	Title   string  `json:"title"`
	Address string  `json:"address,omitempty"` // absolute, of a scheme that opens a page; "" also where there was another
	Inert   bool    `json:"inert,omitempty"`   // a bookmark whose address is not one to follow: javascript:, data: and the like
	Folder  bool    `json:"folder,omitempty"`
	Entries []Entry `json:"entries,omitempty"`
}

// Count is how many bookmarks and folders there are in all.
func Count(entries []Entry) (bookmarks, folders int) {
	for _, e := range entries {
		if !e.Folder {
			bookmarks++
			continue
		}
		b, f := Count(e.Entries)
		bookmarks, folders = bookmarks+b, folders+f+1
	}
	return bookmarks, folders
}

// Read reads a file. It looks at tags alone, in their order, as browsers do: the format is no well-formed HTML.
func Read(file []byte) ([]Entry, error) {
	if !bytes.Contains(bytes.ToUpper(file[:min(len(file), 1024)]), []byte("<!DOCTYPE NETSCAPE-BOOKMARK-FILE-1>")) {
		return nil, ErrNoBookmarks
	}
	r := reader{tokens: html.NewTokenizer(bytes.NewReader(file))}
	entries, err := r.list(0)
	if err != nil {
		return nil, err
	}
	return entries, nil
}

type reader struct {
	tokens *html.Tokenizer
	n      int // entries until now
}

// list reads up to the end of a list. Only the file's own goes on past it: what follows belongs to nobody.
func (r *reader) list(depth int) ([]Entry, error) {
	if depth > mostDepth {
		return nil, ErrTooMany
	}
	var entries []Entry
	for {
		switch r.tokens.Next() {
		case html.ErrorToken:
			return entries, nil
		case html.StartTagToken:
			tag := r.tokens.Token()
			switch tag.DataAtom {
			case atom.H3:
				entries = append(entries, Entry{Title: r.text(atom.H3), Folder: true})
				r.n++
			case atom.A:
				entries = append(entries, bookmark(tag, r.text(atom.A)))
				r.n++
			case atom.Dl:
				within, err := r.list(depth + 1)
				if err != nil {
					return nil, err
				}
				if last := len(entries) - 1; last >= 0 && entries[last].Folder && entries[last].Entries == nil {
					entries[last].Entries = within
				} else { // the file's own list, or one that no folder is over
					entries = append(entries, within...)
				}
			}
			if r.n > mostEntries {
				return nil, ErrTooMany
			}
		case html.EndTagToken:
			if r.tokens.Token().DataAtom == atom.Dl && depth > 0 {
				return entries, nil
			}
		}
	}
}

// text is what stands until the end of an element.
func (r *reader) text(of atom.Atom) string {
	var b strings.Builder
	for {
		switch r.tokens.Next() {
		case html.TextToken:
			if b.Len() < longest {
				b.Write(r.tokens.Text())
			}
		case html.EndTagToken:
			if r.tokens.Token().DataAtom == of {
				return title(b.String())
			}
		case html.ErrorToken:
			return title(b.String())
		}
	}
}

func title(text string) string {
	text = html.UnescapeString(strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.Join(strings.Fields(strings.Map(visible, text)), " ")
	for len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "")
	}
	return text
}

// visible leaves out what changes how the text around it is read: control characters, and overrides of direction.
func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case r < ' ', r >= 0x7f && r <= 0x9f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
		return -1
	}
	return r
}

// bookmark takes an address that opens a page, and of no other more than that there was one.
func bookmark(tag html.Token, title string) Entry {
	e := Entry{Title: title, Inert: true}
	for _, a := range tag.Attr {
		if a.Key != "href" || len(a.Val) > 2*longest {
			continue
		}
		u, err := url.Parse(strings.TrimSpace(a.Val))
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			continue
		}
		e.Address, e.Inert = u.String(), false
	}
	if e.Title == "" {
		e.Title = e.Address
	}
	return e
}
