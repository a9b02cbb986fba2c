package shop

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
)

// payments is who takes the money.
type payments interface {
	// address is where the order of this name is paid. The phone signs it with the order, so it is known before there is one.
	address(payment string) string

	// mount adds what the payment needs of this site: all of it for the sandbox, for others the door where they say who has paid.
	mount(gin.IRoutes)
}

// sandbox takes no money: a person says on its page that it was paid, or a phone does.
type sandbox struct{ *Shop }

const payPath = "/pay/"

func (s sandbox) address(payment string) string { return s.url + payPath + payment }

func (s sandbox) mount(on gin.IRoutes) {
	on.Match([]string{http.MethodGet, http.MethodHead}, payPath+":payment", s.show)
	on.POST(payPath+":payment", s.take)
}

// show is GET /pay/<payment>: what is to be paid, for a person, or for a phone that asks for JSON.
func (s sandbox) show(c *gin.Context) {
	got, stands, err := s.orders.due(c.Request.Context(), c.Param("payment"))
	switch {
	case err != nil:
		s.fail(c, err)
	case wantsJSON(c):
		c.JSON(http.StatusOK, gin.H{
			"status": stands, "order_id": got.OrderId, "merchant": got.Merchant, "total": got.Total, "currency": got.Currency, "digits": digits,
		})
	default:
		got.Payment = c.Param("payment")
		s.render(c, http.StatusOK, "pay", func(v *view) {
			v.Title = v.dueTitle(stands)
			v.Body = struct {
				order
				Stands due
			}{got, stands}
		})
	}
}

// take is POST /pay/<payment>. The name in the path is what allows it, and no other site's page has that.
func (s sandbox) take(c *gin.Context) {
	stands, err := s.orders.pay(c.Request.Context(), c.Param("payment"))
	switch {
	case err != nil:
		s.fail(c, err)
	case !wantsJSON(c):
		c.Redirect(http.StatusSeeOther, payPath+c.Param("payment"))
	default:
		c.JSON(map[due]int{duePaid: http.StatusOK, duePending: http.StatusConflict, dueExpired: http.StatusGone}[stands], gin.H{"status": stands})
	}
}

func (s sandbox) fail(c *gin.Context, err error) {
	status := http.StatusNotFound
	if !errors.Is(err, errNoOrder) {
		status = http.StatusInternalServerError
		s.log.Error("a payment failed", "error", err)
	}
	if wantsJSON(c) {
		c.JSON(status, gin.H{"status": "unknown"})
		return
	}
	s.failure(c, status)
}
