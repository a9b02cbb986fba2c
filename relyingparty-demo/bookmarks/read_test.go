package bookmarks_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"qrlogin/relyingparty-demo/bookmarks"
)

const head = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset=UTF-8\">\n<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n"

func TestAFileOfABrowserIsRead(t *testing.T) {
	got, err := bookmarks.Read([]byte(head + `<DL><p>
    <DT><H3 ADD_DATE="1700000000" PERSONAL_TOOLBAR_FOLDER="true">书签栏</H3>
    <DL><p>
        <DT><A HREF="https://example.org/?a=1&amp;b=2" ADD_DATE="1700000001" ICON="data:image/png;base64,AAAA">陶 &amp; 瓷</A>
        <DT><H3>空</H3>
        <DL><p>
        </DL><p>
        <DT><A HREF="http://example.net/">Plain</A>
        <DD>with a description
    </DL><p>
    <DT><A HREF="https://example.com/last">Last</A>
</DL><p>
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []bookmarks.Entry{
		{Title: "书签栏", Folder: true, Entries: []bookmarks.Entry{
			{Title: "陶 & 瓷", Address: "https://example.org/?a=1&b=2"},
			{Title: "空", Folder: true},
			{Title: "Plain", Address: "http://example.net/"},
		}},
		{Title: "Last", Address: "https://example.com/last"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, want\n%+v", got, want)
	}
	if b, f := bookmarks.Count(got); b != 3 || f != 2 {
		t.Errorf("%d bookmarks in %d folders", b, f)
	}
}

func TestAnAddressThatIsNoPageIsNotKept(t *testing.T) {
	for _, address := range []string{
		"javascript:alert(1)", " JavaScript:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x",
		"file:///etc/passwd", "//example.org/", "/here", "", "blob:https://example.org/x", "place:sort=8", "https://" + strings.Repeat("a", 5000), "https:example.org", "http://[::1",
	} {
		got, err := bookmarks.Read([]byte(head + `<DL><DT><A HREF="` + address + `">A &lt;b&gt; title</A></DL>`))
		if want := (bookmarks.Entry{Title: "A <b> title", Inert: true}); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%.60q is read as %+v, %v", address, got, err)
		}
	}
}

func TestATitleCannotChangeHowTheTextAroundItIsRead(t *testing.T) {
	got, err := bookmarks.Read([]byte(head + "<DL><DT><A HREF=\"https://example.org/\">a\u202eb\x1b[31m\u0000c\nd\xff</A></DL>"))
	if err != nil || len(got) != 1 || got[0].Title != "ab[31mc d\uFFFD" && got[0].Title != "ab[31m\uFFFDc d\uFFFD" {
		t.Errorf("the title is %s, %v", fmt.Sprintf("%+v", got), err)
	}
}

func TestWhatIsNoBookmarkFileIsRefused(t *testing.T) {
	deep := strings.Repeat("<DT><H3>f</H3><DL>", 70)
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing":       {"", bookmarks.ErrNoBookmarks},
		"another page":  {"<!DOCTYPE html><a href='https://example.org'>x</a>", bookmarks.ErrNoBookmarks},
		"late":          {strings.Repeat(" ", 2000) + head, bookmarks.ErrNoBookmarks},
		"folders, deep": {head + "<DL>" + deep, bookmarks.ErrTooMany},
		"many":          {head + "<DL>" + strings.Repeat("<DT><A HREF=x>y</A>", 50_001), bookmarks.ErrTooMany},
	} {
		if _, err := bookmarks.Read([]byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + `<DL><p><DT><H3>x</H3><DL><p><DT><A HREF="javascript:x">y</A></DL></DL>`))
	f.Add([]byte(head + `<DL></DL></DL><A HREF="https://example.org/"`))
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, err := bookmarks.Read(file)
		if err != nil {
			return
		}
		var check func([]bookmarks.Entry)
		check = func(entries []bookmarks.Entry) {
			for _, e := range entries {
				if e.Address != "" && !strings.HasPrefix(e.Address, "https://") && !strings.HasPrefix(e.Address, "http://") {
					t.Fatalf("an address %q", e.Address)
				}
				check(e.Entries)
			}
		}
		check(entries)
	})
}
