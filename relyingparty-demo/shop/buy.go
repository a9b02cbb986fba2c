package shop

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
)

// atMost is how many of one piece a person may buy at once.
const atMost = 9

// basket is what a page to buy on is about: so many of one piece.
type basket struct {
	Piece
	Quantity int64
	Total    int64
}

// basketOf reads it from the address.
func basketOf(r *http.Request, w *words) (basket, bool) {
	q := r.URL.Query()
	p, known := find(Goods(w == english), q.Get("piece"))
	b := basket{Piece: p, Quantity: 1}
	if text := q.Get("quantity"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > atMost {
			return b, false
		}
		b.Quantity = int64(n)
	}
	b.Total = b.Quantity * b.Price
	return b, known
}

// buyPage is GET /buy?piece=…&quantity=…: one piece, how many, and the code that buys them.
func (s *Shop) buyPage(c *gin.Context) {
	b, known := basketOf(c.Request, s.wordsFor(c.Writer, c.Request))
	if !known {
		s.failure(c, http.StatusNotFound)
		return
	}
	var body struct {
		basket
		scanning
		Choices []int64
		Query   template.URL
	}
	body.basket, body.scanning = b, s.scanning(c)
	for n := int64(1); n <= atMost; n++ {
		body.Choices = append(body.Choices, n)
	}
	body.Query = template.URL(url.Values{"piece": {b.Art}, "quantity": {strconv.FormatInt(b.Quantity, 10)}}.Encode()) //nolint:gosec // G203: encoded
	s.render(c, http.StatusOK, "buy", func(v *view) { v.Title, v.Body = v.BuyTitle, body })
}

// startBuying is POST /buy/challenge?piece=…&quantity=…: a challenge for the order. Nobody has to be logged in; of who is, the phone
// has to be.
func (s *Shop) startBuying(c *gin.Context) {
	b, known := basketOf(c.Request, s.wordsFor(c.Writer, c.Request))
	if !known {
		c.JSON(http.StatusNotFound, gin.H{"status": "invalid"})
		return
	}
	ctx, lines, visitor := c.Request.Context(), []api.OrderLine{b.Line(b.Quantity)}, s.session(c.Request)
	got, p, err := s.sell(ctx, lines, nil, visitor)
	if visitor != nil && visitor.account != 0 && loginRequired(err) { // ended by the phone, perhaps: then nobody is logged in here either
		s.sessions.end(visitor)
		got, p, err = s.sell(ctx, lines, nil, nil)
	}
	switch {
	case loginRequired(err): // the shop's policy at the provider: orders name who is logged in
		c.JSON(http.StatusUnauthorized, gin.H{"status": "login-required"})
	case err != nil:
		s.unavailable(c, "a purchase could not start", err)
	default:
		l := newLogin(got, p.nonce)
		l.purchase = p
		s.began(c, got, l)
	}
}

func loginRequired(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.Code == "login_required"
}

// ordersPage is GET /orders: what the account has bought.
func (s *Shop) ordersPage(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.Redirect(http.StatusSeeOther, "/login")
		return
	}
	all, err := s.orders.of(c.Request.Context(), visitor.account)
	if err != nil {
		s.log.Error("orders could not be read", "account", visitor.account, "error", err)
		s.failure(c, http.StatusInternalServerError)
		return
	}
	s.render(c, http.StatusOK, "orders", func(v *view) { v.Title, v.Body = v.OrdersTitle, all })
}

// orderPage is GET /orders/<id>. A script asks it with ?while=<how it stands> for JSON, and is answered once that has changed.
func (s *Shop) orderPage(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.Redirect(http.StatusSeeOther, "/login")
		return
	}
	stands, deadline := due(c.Query("while")), time.Now()
	if stands != "" {
		deadline = deadline.Add(hold)
	}
	got, err := s.orders.await(c.Request.Context(), visitor.account, c.Param("id"), stands, deadline)
	switch {
	case errors.Is(err, errNoOrder):
		s.failure(c, http.StatusNotFound)
	case err != nil:
		s.log.Error("an order could not be read", "error", err)
		s.failure(c, http.StatusInternalServerError)
	case wantsJSON(c):
		c.JSON(http.StatusOK, gin.H{"status": got.Due()})
	default:
		s.render(c, http.StatusOK, "order", func(v *view) { v.Title, v.Body = v.orderTitle(got.Due()), got })
	}
}

// wantsJSON tells a program from a person.
func wantsJSON(c *gin.Context) bool {
	return c.NegotiateFormat(gin.MIMEHTML, gin.MIMEJSON) == gin.MIMEJSON
}

// scanning is what a page with a code needs to say about scanning it.
type scanning struct {
	Host    string
	Picture string // of the code, for a phone simulator on the shop's own machine; "" elsewhere
}

func (s *Shop) scanning(c *gin.Context) scanning {
	got := scanning{Host: strings.TrimPrefix(strings.TrimPrefix(s.url, "https://"), "http://")}
	if s.OnLoopback(c.Request) {
		visitor := s.session(c.Request)
		if visitor == nil || visitor.picture == "" {
			visitor = s.sessions.visit()
			s.setSession(c.Writer, visitor.id)
		}
		got.Picture = s.url + "/login/qr/" + visitor.picture + ".png"
	}
	return got
}
