package kiosk

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"qrlogin/relyingparty-demo/console"
	"qrlogin/relyingparty-demo/shop"
)

// Terminal is the machine's screen and keys in a terminal, until ctx is done or somebody presses q. Where keys come to an end, as in
// a script, the screen stays.
func (m *Machine) Terminal(ctx context.Context, in io.Reader, out io.Writer, lang string) error {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		before, err := term.MakeRaw(int(f.Fd())) // keys, not lines
		if err != nil {
			return fmt.Errorf("the machine's keys: %w", err)
		}
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	go func() {
		key := make([]byte, 1)
		for {
			if n, err := in.Read(key); err != nil {
				return
			} else if n == 1 {
				m.press(ctx, key[0], lang, quit)
			}
		}
	}()
	drawn := ""
	for {
		s, changed := m.hear()
		text, until, err := m.draw(s, lang, time.Now())
		if err != nil {
			return err
		}
		if text += "\n  " + strings.ReplaceAll(s.note, "\n", "\n  ") + "\n"; text != drawn {
			drawn = text
			// Over what was there, so that nothing flickers; \r, since a terminal that gives keys does not add it.
			if _, err := io.WriteString(out, "\x1b[H"+strings.ReplaceAll(text, "\n", "\x1b[K\r\n")+"\x1b[J"); err != nil {
				return fmt.Errorf("the machine's screen: %w", err)
			}
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

func (m *Machine) press(ctx context.Context, key byte, lang string, quit func()) {
	const ctrlC, escape = 3, 27
	goods := shop.Goods(lang == "en")
	switch {
	case key == 'q' || key == ctrlC:
		quit()
	case key == 'b' || key == escape:
		m.Back(ctx)
	case key >= '1' && int(key-'1') < len(goods):
		m.Choose(goods[key-'1'])
	}
}

// draw is the screen at a moment, and when to draw it again.
func (m *Machine) draw(s state, lang string, now time.Time) (text string, until time.Time, err error) {
	w, until := wordsIn(lang), now.Add(time.Minute)
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %s · %s · %s\n\n", shop.Merchant, m.id, m.place)
	goods := shop.Goods(lang == "en")
	if s.stage == choosing {
		fmt.Fprintf(&b, "  %s\n\n", w.Choose)
		for i, p := range goods {
			fmt.Fprintf(&b, "    [%d]  %s  %s\n", i+1, padded(p.Name, 14), shop.Money(p.Price))
		}
		if s.notice != nothing {
			fmt.Fprintf(&b, "\n  %s\n", w.notice(s.notice))
		}
		fmt.Fprintf(&b, "\n  %s\n", w.KeysChoosing)
		return b.String(), until, nil
	}
	p := pieceOf(goods, s.piece)
	fmt.Fprintf(&b, "  %s  %s\n\n", p.Name, shop.Money(p.Price))
	switch {
	case s.stage == paying:
		fmt.Fprintf(&b, "  %s\n  %s\n", w.Pay, w.PayLead)
	case s.stage == taking:
		fmt.Fprintf(&b, "  %s\n  %s\n", w.Take, w.Thanks)
	case s.scanned:
		fmt.Fprintf(&b, "  %s\n\n  %s\n", w.Scanned, w.KeysScanning)
	default:
		for _, f := range s.frames {
			if now.Before(f.from) || !now.Before(f.until) {
				continue
			}
			code, err := console.QR(f.text)
			if err != nil {
				return "", until, err
			}
			says := w.Scan
			if s.lost {
				says = w.Lost
			}
			fmt.Fprintf(&b, "%s\n  %s\n", code, says)
			until = f.until
			break
		}
		fmt.Fprintf(&b, "\n  %s\n", w.KeysScanning)
	}
	return b.String(), until, nil
}

// padded fills a name up; a Chinese character is two wide.
func padded(name string, width int) string {
	for _, r := range name {
		width--
		if r > 0x2e80 {
			width--
		}
	}
	return name + strings.Repeat(" ", max(width, 0))
}

func pieceOf(goods []shop.Piece, art string) shop.Piece {
	for _, p := range goods {
		if p.Art == art {
			return p
		}
	}
	return shop.Piece{}
}
