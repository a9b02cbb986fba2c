package shop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"qrlogin/api"
)

// Merchant is who sells: the shop's name, as phones show it whatever the page's language.
const Merchant = "Kiln Lane"

// followed is how many purchases may wait for a phone at the same time: each holds a connection to the provider.
const followed = 1000

// A purchase is the way to an order: a challenge that asks a phone for it. It is kept from its start, and followed to its end by
// the shop, not by a page. Who closes the page has the order, and a shop that starts again goes on where it was.
type purchase struct {
	asked      api.Order // byte for byte what the phone has to sign
	payment    string    // names it in its payment_uri: who has it may pay, and nothing else
	deviceCode string
	nonce      string
	ends       time.Time // of the challenge

	done    chan struct{} // closed at the end; what follows is there from then on
	outcome outcome       // ordered, denied, expired or rejected
	account account       // of the order
	who     proof
}

func newPurchase() *purchase { return &purchase{done: make(chan struct{})} }

// errFull says that as many purchases wait for a phone as may.
var errFull = errors.New("too many purchases wait for a phone")

// sell asks for an order: that of a buyer who is logged in, or of any phone.
func (s *Shop) sell(ctx context.Context, lines []api.OrderLine, kiosk *api.Kiosk, buyer *session) (challenge, *purchase, error) {
	select {
	case s.places <- struct{}{}:
	default:
		return challenge{}, nil, errFull
	}
	got, p, err := s.begin(ctx, lines, kiosk, buyer)
	if err != nil {
		<-s.places
		return challenge{}, nil, err
	}
	s.followers.Go(func() {
		defer func() { <-s.places }()
		s.follow(s.life, p, asking{deviceCode: p.deviceCode, interval: time.Duration(got.Interval) * time.Second})
	})
	return got, p, nil
}

// begin starts the challenge of a purchase, and keeps it.
func (s *Shop) begin(ctx context.Context, lines []api.OrderLine, kiosk *api.Kiosk, buyer *session) (challenge, *purchase, error) {
	p := s.purchaseOf(lines, kiosk)
	form := p.form(buyer)
	form.Set("nonce", p.nonce)
	got, err := s.provider.authorizeDevice(ctx, form)
	if err != nil {
		return challenge{}, nil, err
	}
	p.deviceCode, p.ends = got.DeviceCode, time.Now().Add(time.Duration(got.ExpiresIn)*time.Second)
	return got, p, s.orders.begin(ctx, p)
}

// purchaseOf puts an order together.
func (s *Shop) purchaseOf(lines []api.OrderLine, kiosk *api.Kiosk) *purchase {
	p := newPurchase()
	p.payment, p.nonce = random(32), random(32)
	address := s.payments.address(p.payment)
	p.asked = api.Order{
		Type: api.OrderTypeOrder, OrderId: rand.Text()[:12], Merchant: Merchant, Lines: lines, Currency: currency, Kiosk: kiosk, PaymentUri: &address,
	}
	for _, l := range lines {
		p.asked.Total += l.Quantity * l.UnitPrice
	}
	return p
}

// form is what an authorization request says of it (RFC 9396 section 2), and of who is logged in, so that no other phone may claim it.
func (p *purchase) form(buyer *session) url.Values {
	details, err := json.Marshal([]api.Order{p.asked})
	if err != nil {
		panic(err) // texts and numbers
	}
	form := url.Values{"authorization_details": {string(details)}}
	if buyer != nil && buyer.account != 0 {
		form.Set("id_token_hint", buyer.proof.IDToken)
	}
	return form
}

// leadsTo is the page of what comes of it; of none, of a login alone.
func (p *purchase) leadsTo() string {
	if p != nil {
		return "/orders/" + p.asked.OrderId
	}
	return "/account"
}

// resume follows the purchases that an earlier run left open, but those of a machine: the customer has gone, and nobody may pay for what
// is not given out.
func (s *Shop) resume(ctx context.Context) error {
	open, err := s.orders.unfinished(ctx)
	if err == nil {
		err = s.orders.shutMachines(ctx)
	}
	for _, p := range open {
		if p.asked.Kiosk != nil {
			err = errors.Join(err, s.orders.end(ctx, p.asked.OrderId, expired))
			continue
		}
		s.followers.Go(func() { s.follow(s.life, p, asking{deviceCode: p.deviceCode, interval: 5 * time.Second}) }) // RFC 8628 §3.2
	}
	return err
}

// follow asks the provider until there is an outcome. It ends early with ctx, and then the purchase stays open.
func (s *Shop) follow(ctx context.Context, p *purchase, q asking) {
	const late = time.Minute // after the challenge's end, for a provider that cannot be reached
	for {
		got, result, err := q.ask(ctx, s.provider, time.Now().Add(hold))
		if err == nil && got != nil {
			p.account, p.who, result, err = s.settle(ctx, p, *got)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Warn("a purchase is not settled yet", "order", p.asked.OrderId, "error", brief(err))
			pause(ctx, 2*time.Second)
		}
		if err != nil || result == pending {
			if time.Now().Before(p.ends.Add(late)) {
				continue
			}
			result = expired
		}
		if result != ordered {
			if err := s.orders.end(ctx, p.asked.OrderId, result); err != nil {
				s.log.Error("a purchase could not be closed", "order", p.asked.OrderId, "error", err)
			}
		}
		s.log.Info("a purchase ended", "order", p.asked.OrderId, "outcome", string(result), "account", p.account.ID)
		p.outcome = result
		close(p.done)
		return
	}
}

// settle makes the order out of what the provider gave, if that is what was asked for. An error leaves the purchase open: the
// provider may give the same again.
func (s *Shop) settle(ctx context.Context, p *purchase, got tokens) (account, proof, outcome, error) {
	who, err := s.provider.verify(ctx, got.IDToken, p.nonce)
	if err != nil {
		return account{}, proof{}, pending, err
	}
	receipt, err := receiptOf(got.Details, s.provider, who.Device, p.asked)
	if err != nil {
		s.log.Error("an order that is not the one asked for was refused", "order", p.asked.OrderId, "error", brief(err))
		return account{}, proof{}, rejected, nil
	}
	// What proved it is used up: from here on nothing must stop the rest.
	a, err := s.orders.make(context.WithoutCancel(ctx), p, who, receipt)
	if err != nil {
		return account{}, proof{}, pending, err
	}
	return a, who, ordered, nil
}

// awaitPurchase waits for the outcome of the visitor's purchase; whoever has the login's turn calls it.
func (s *Shop) awaitPurchase(ctx context.Context, visitor *session, deadline time.Time) {
	l, p := visitor.login, visitor.login.purchase
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		return
	case <-ctx.Done():
		return
	}
	if p.outcome != ordered {
		l.outcome = p.outcome
		return
	}
	l.member = s.sessions.logIn(visitor, p.account.ID, p.account.Visits, p.who)
	l.outcome = loggedIn
}
