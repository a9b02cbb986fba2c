package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
)

// manyBookmarks is a browser's file: 2,000 bookmarks with Chinese titles, in folders within folders.
func manyBookmarks() string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE NETSCAPE-Bookmark-file-1>\r\n<META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset=UTF-8\">\r\n<TITLE>书签</TITLE>\n<H1>书签</H1>\n<DL><p>\n")
	for folder := range 40 {
		fmt.Fprintf(&b, "<DT><H3 ADD_DATE=\"1700000000\">文件夹 %d</H3>\n<DL><p>\n<DT><H3>第 %d 层</H3>\n<DL><p>\n", folder, folder)
		for n := range 50 {
			fmt.Fprintf(&b, "<DT><A HREF=\"https://example.org/%d/%d?q=%%E9%%99%%B6\" ADD_DATE=\"17%08d\">陶瓷 %d.%d &amp; 窑火</A>\n", folder, n, n, folder, n)
		}
		b.WriteString("</DL><p>\n</DL><p>\n")
	}
	b.WriteString("<DT><A HREF=\"javascript:alert(1)\">坏书签</A>\n</DL><p>\n")
	return b.String()
}

// The whole of a handoff: the page's key, its thumbprint on the screen, the phone's file, and the account that has it in the end.
func TestARealBrowserImportsTheBookmarksOfThePhone(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/login"))
	w.await(phase + ` === "pending"`)
	if _, err := p.Approve(t.Context(), w.scanScreen(p), phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.await(`location.pathname === "/account"`)

	w.before(`addEventListener("qr-received", async ({ detail: { content } }) => {
		const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await content.arrayBuffer()));
		sessionStorage.setItem("received", content.type + " " + Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join(""));
	});`)
	w.do(chromedp.Navigate(shop + "/bookmarks"))
	w.await(phase + ` === "pending"`)
	w.look("bookmarks")
	w.keep("bookmarks")
	claim := w.scanScreen(p)
	if asked := claim.Consent.Handoff; asked == nil || asked.Kind != "bookmarks" {
		t.Fatalf("the consent asks for %+v", asked)
	}
	file := manyBookmarks()
	if _, err := p.Approve(t.Context(), claim, phone.Approval{Send: &phone.Content{MediaType: "text/html", Data: []byte(file)}}); err != nil {
		t.Fatal(err)
	}
	w.await(`document.querySelector("#bookmarks p")?.textContent === "2001 bookmarks in 80 folders"`)
	sum := sha256.Sum256([]byte(file))
	w.await(fmt.Sprintf(`sessionStorage.getItem("received") === "text/html %s"`, hex.EncodeToString(sum[:])))
	w.await(`document.querySelectorAll("#bookmarks a").length === 2000 && document.querySelectorAll("#bookmarks .inert").length === 1`)
	w.await(`document.querySelector("#bookmarks a").textContent === "陶瓷 0.0 & 窑火"`)
	for _, line := range []string{"窑火", "example.org/0/0"} { // nothing of it in what the programs say
		if strings.Contains(terminal.String(), line) {
			t.Errorf("the terminal says %s", line)
		}
	}
	w.look("bookmarks-imported")
	w.silent()
}
