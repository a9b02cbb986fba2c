package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
)

// look holds the open page against the accessibility rules in both colour schemes, sees that nothing is wider than a small phone's
// screen, and leaves the window as it was.
func (w *window) look(name string) {
	w.t.Helper()
	for _, scheme := range []string{"dark", "light"} {
		for _, size := range [][2]int64{{320, 640}, {1120, 760}} {
			params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}}
			if _, err := chromedp.Call(w.ctx, emulation.SetEmulatedMedia, params); err != nil {
				w.t.Fatal(err)
			}
			w.do(chromedp.EmulateViewport(size[0], size[1]))
			if axe != "" {
				found, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](axe+`; axe.run(document, { resultTypes: ['violations'] }).then(
					({ violations }) => violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('; ')))`,
					chromedp.EvalAwaitPromise))
				if err != nil {
					w.t.Fatal(err)
				}
				for _, complaint := range found {
					w.t.Errorf("%s, %s, %d wide: %s", name, scheme, size[0], complaint)
				}
			}
			wide, err := chromedp.Run(w.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
			if err != nil || wide > size[0] {
				w.t.Errorf("%s is %d wide on a screen of %d, %v", name, wide, size[0], err)
			}
			if folder := os.Getenv("QRLOGIN_LOOK"); folder != "" {
				os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%d.png", name, scheme, size[0])), w.screenshot(), 0o644)
			}
		}
	}
}

// silent says that the page has found nothing to complain of.
func (w *window) silent() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.console) > 0 {
		w.t.Errorf("the console says %v", w.console)
	}
}

// tabTo presses the Tab key until the element that has the focus is wanted, as somebody does who has no mouse.
func (w *window) tabTo(selector string) {
	w.t.Helper()
	for range 60 {
		w.do(chromedp.KeyEvent("\t"))
		there, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](fmt.Sprintf("document.activeElement.matches(%q)", selector)))
		if err != nil {
			w.t.Fatal(err)
		}
		if there {
			return
		}
	}
	w.t.Fatalf("the Tab key does not lead to %s", selector)
}

// says waits until the page's heading is this.
func (w *window) says(heading string) {
	w.t.Helper()
	w.await(fmt.Sprintf(`document.querySelector("h1")?.textContent === %q`, heading))
}

// A whole order by the keyboard: from the shelf to the code, the phone, the payment on the phone, the page that turns to paid.
func TestARealBrowserBuysWithAPhone(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/"))
	w.look("shelf")
	w.tabTo(`a[href="/buy?piece=cup"]`)
	w.do(chromedp.KeyEvent("\r"))
	w.await(phase + ` === "pending"`)
	w.tabTo("#quantity")
	w.do(chromedp.KeyEvent("2"))
	w.tabTo(".basket button")
	w.do(chromedp.KeyEvent("\r"))
	w.await(`location.search.includes("quantity=2") && ` + phase + ` === "pending"`)
	w.keep("buy")
	w.look("buy")

	claim := w.scanScreen(p)
	o := claim.Consent.Order
	if o == nil || o.Total != 17600 || o.Lines[0].Name != "Rain cup" || o.Lines[0].Quantity != 2 || o.Merchant != "Kiln Lane" || !strings.HasPrefix(*o.PaymentUri, shop+"/pay/") {
		t.Fatalf("the phone shows %+v", o)
	}
	w.await(phase + ` === "claimed"`)
	if _, err := p.Approve(t.Context(), claim, phone.Approval{PIN: true}); err != nil {
		t.Fatal(err)
	}
	w.await(`location.pathname === "/orders/` + o.OrderId + `"`)
	w.says("Ordered. Now the payment.")
	w.keep("order")
	w.look("order")
	second := openWindow(t) // the payment page is anybody's who has its address: the phone's browser, here
	second.do(chromedp.Navigate(*o.PaymentUri))
	second.says("To be paid")
	second.keep("pay")
	second.look("pay")
	second.tabTo("main button")
	second.do(chromedp.KeyEvent("\r"))
	second.says("Paid.")
	second.look("paid")
	w.says("Paid. Thank you.") // by itself
	w.look("order-paid")
	w.do(chromedp.Navigate(shop + "/orders"))
	w.await(`document.querySelectorAll(".orders li").length === 1`)
	w.look("orders")
	w.do(chromedp.Navigate(shop + "/account"))
	w.await(`document.body.textContent.includes("pin")`)
	w.silent()
	second.silent()
}

// Who opens the shop on the phone itself, or has no script, buys on the provider's own page.
func TestARealBrowserBuysOnTheProvidersPage(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/buy/here?piece=vase"))
	w.await(`location.href.startsWith("` + provider + `") && ` + phase + ` === "pending"`)
	claim := w.scanScreen(p)
	if o := claim.Consent.Order; o == nil || o.Total != 22000 || o.Lines[0].Name != "Reed vase" {
		t.Fatalf("the phone shows %+v", o)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{PIN: true}); err != nil {
		t.Fatal(err)
	}
	w.await(`location.pathname === "/orders/` + claim.Consent.Order.OrderId + `"`)
	w.says("Ordered. Now the payment.")
}

func TestARealBrowserIsToldWhenAnOrderIsDeclined(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/buy?piece=bowl"))
	w.await(phase + ` === "pending"`)
	if err := p.Deny(t.Context(), w.scanScreen(p)); err != nil {
		t.Fatal(err)
	}
	w.await(phase + ` === "declined"`)
	w.do(chromedp.Navigate(shop + "/orders"))
	w.await(`location.pathname === "/login"`)
}

// With orders for who is logged in alone, the page of somebody else leads to the login.
func TestARealBrowserLogsInFirstWhereOrdersNameTheirBuyer(t *testing.T) {
	if !inChromium {
		return
	}
	shop, _, _, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0", "--policy=strict")
	defer stop()
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/buy?piece=bowl"))
	w.await(`location.pathname === "/login"`)
}

// The page and the terminal show one sale, whichever of them began it.
func TestARealBrowserBuysAtTheMachine(t *testing.T) {
	if !inChromium {
		return
	}
	k := machine(t, "--id=K-7", "--place=Platform 2")
	defer k.stop()
	p := enrolled(t, k.provider, k.screen)
	w := openWindow(t)
	w.do(chromedp.Navigate(k.page))
	w.says("Choose a piece.")
	w.keep("kiosk")
	w.look("kiosk-choosing")
	w.tabTo(`button[value="teapot"]`)
	w.do(chromedp.KeyEvent("\r"))
	w.says("Scan the code with your phone.")
	w.await(phase + ` === "pending"`)
	k.await(`Quiet teapot  ¥360`)
	w.keep("kiosk-code")
	w.look("kiosk-scanning")
	claim := w.scanScreen(p)
	if o := claim.Consent.Order; o.Kiosk == nil || o.Kiosk.Id != "K-7" || o.Kiosk.Place != "Platform 2" || o.Total != 36000 {
		t.Fatalf("the phone shows %+v", o)
	}
	w.await(phase + ` === "claimed"`)
	k.await(`Scanned\.`)
	if _, err := p.Approve(t.Context(), claim, phone.Approval{PIN: true}); err != nil {
		t.Fatal(err)
	}
	w.says("Ordered. Pay on your phone.")
	k.await(`Ordered\.`)
	w.look("kiosk-paying")
	pays(t, claim)
	w.says("Take your goods.")
	k.await(`Take your goods\.`)
	w.says("Choose a piece.")

	// The next customer uses the keys of the terminal, and the page follows.
	k.press("6")
	w.says("Scan the code with your phone.")
	w.await(phase + ` === "pending"`)
	claim = k.scan(p)
	w.await(phase + ` === "claimed"`)
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	w.says("Choose a piece.")
	w.await(`document.querySelector(".notice").textContent === "Declined: nothing was bought."`)
	k.await(`Declined: nothing was bought\.`)
	w.look("kiosk-declined")

	// Back, and a page that is opened anew while there is a sale.
	w.tabTo(`button[value="cup"]`)
	w.do(chromedp.KeyEvent("\r"))
	w.await(phase + ` === "pending"`)
	w.do(chromedp.Navigate(k.page + "?lang=zh"))
	w.await(phase + ` === "pending"`)
	w.look("kiosk-scanning-zh")
	w.tabTo("main form button")
	w.do(chromedp.KeyEvent("\r"))
	w.says("请选一件。")
	k.await(`Choose a piece\.`)
	w.look("kiosk-choosing-zh")
}

// Every page of the shop, in Chinese.
func TestARealBrowserBuysInChinese(t *testing.T) {
	if !inChromium {
		return
	}
	shop, provider, terminal, stop := running(t, "--listen=localhost:0", "--provider-listen=localhost:0")
	defer stop()
	p := enrolled(t, provider, terminal)
	w := openWindow(t)
	w.do(chromedp.Navigate(shop + "/?lang=zh"))
	w.do(chromedp.Navigate(shop + "/buy?piece=moon-jar"))
	w.await(phase + ` === "pending"`)
	w.look("buy-zh")
	claim := w.scanScreen(p)
	if name := claim.Consent.Order.Lines[0].Name; name != "月亮罐" {
		t.Errorf("the phone shows %s", name)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.says("已下单，请付款。")
	w.look("order-zh")
	w.do(chromedp.Navigate(*claim.Consent.Order.PaymentUri))
	w.says("待付款")
	w.look("pay-zh")
	w.do(chromedp.Click("main button"))
	w.says("已付款。")
	w.do(chromedp.Navigate(shop + "/orders"))
	w.look("orders-zh")
}
