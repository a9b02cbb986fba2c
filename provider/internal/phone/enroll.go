package phone

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// The enrolment code (SECURITY.md §5): six digits, ten minutes, five tries, once. The tries are no operator's to set: six digits are
// enough for so many.
const codeLife = 10 * time.Minute

var codeTries = challenge.Limit{Max: 5, Window: codeLife}

// enrollment is what is kept until the code is confirmed, sealed under the enrollment_id, which the store does not have.
type enrollment struct {
	Number     string         `json:"number"`
	Name       string         `json:"name"`
	Thumbprint string         `json:"thumbprint"` // of the key that asked: the code is good for no other
	Code       challenge.Hash `json:"code"`
	Asked      occasion       `json:"asked"`
}

const sealedEnrollment = "enrollment"

func (d *Door) startEnrollment(c *gin.Context) error {
	p, err := d.prove(c)
	if err != nil {
		return err
	}
	var body api.EnrollmentRequest
	if err := web.ReadJSON(c, &body, maxBody); err != nil {
		return err
	}
	number, err := parseNumber(body.PhoneNumber)
	if err != nil {
		return err
	}
	name, err := deviceName(body.DeviceName)
	if err != nil {
		return err
	}
	if !d.serves(number) {
		return errCountry
	}
	id, code, asked := rand.Text(), newCode(), occasion{Day: time.Now().UTC().Format(time.DateOnly), Network: web.Network(c)}
	stands, err := d.countCode(c, number, asked)
	if err != nil {
		return err
	}
	record, err := json.Marshal(enrollment{
		Number: number, Name: name, Thumbprint: p.Thumbprint, Code: challenge.HashOf(code), Asked: asked,
	})
	if err != nil {
		return err
	}
	sealed, err := challenge.Seal(id, sealedEnrollment, record)
	if err != nil {
		return err
	}
	if err := d.Keys.Put(c.Request.Context(), "enrollment "+id, sealed, codeLife); err != nil {
		return err
	}
	if err := d.sendCode(c, number, code, asked, stands); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, api.Enrollment{EnrollmentId: id, ExpiresIn: int(codeLife / time.Second)})
	return nil
}

// deviceName is what a phone wants to be called.
func deviceName(said *string) (string, error) {
	if said == nil {
		return "Phone", nil
	}
	if !identity.ValidName(*said) {
		return "", web.BadRequest.With("device_name is 1 to 64 printable characters")
	}
	return *said, nil
}

func (d *Door) confirmEnrollment(c *gin.Context) error {
	p, err := d.prove(c)
	if err != nil {
		return err
	}
	var body api.EnrollmentConfirmation
	if err := web.ReadJSON(c, &body, maxBody); err != nil {
		return err
	}
	id := c.Param("enrollment_id")
	if len(id) > 64 {
		return identity.ErrWrongCode
	}
	// Counted before it is judged, so that many tries at once are not more than five.
	if err := limit.Count(c.Request.Context(), d.Keys, challenge.Tally{Key: "enrollment try " + id, Limit: codeTries}); err != nil {
		return err
	}
	asked, err := d.enrollment(c, id)
	if err != nil {
		return err
	}
	right := asked.Code.Matches(body.Code)
	sameKey := subtle.ConstantTimeCompare([]byte(asked.Thumbprint), []byte(p.Thumbprint)) == 1
	if !right || !sameKey {
		return identity.ErrWrongCode
	}
	// Of many right answers at once, one counts.
	if _, err := d.Keys.Take(c.Request.Context(), "enrollment "+id); errors.Is(err, challenge.ErrNotFound) {
		return identity.ErrWrongCode
	} else if err != nil {
		return err
	}
	key, err := proof.MarshalKey(p.Key)
	if err != nil {
		return err
	}
	now := time.Now()
	// The code is spent: a phone that has hung up is enrolled all the same, and finds it so when it asks for its account.
	account, device, ended, err := d.Devices.Enroll(context.WithoutCancel(c.Request.Context()), asked.Number, identity.Device{
		ID: p.Thumbprint, Name: asked.Name, Key: key, CreatedAt: now, LastSeenAt: now,
	})
	if err != nil {
		return err
	}
	d.codeConfirmed(c, asked.Number, asked.Asked)
	d.SignOut.Tell(ended)
	e := deviceEvent(c, identity.EventDeviceEnrolled, device)
	e.ActiveAt = device.ActiveAt
	d.audit(c, e)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, d.viewAccount(account, device))
	return nil
}

// enrollment reads what was kept; a wrong id and one that has expired look like a wrong code.
func (d *Door) enrollment(c *gin.Context, id string) (enrollment, error) {
	sealed, err := d.Keys.Peek(c.Request.Context(), "enrollment "+id)
	if errors.Is(err, challenge.ErrNotFound) {
		return enrollment{}, identity.ErrWrongCode
	}
	if err != nil {
		return enrollment{}, err
	}
	record, err := challenge.Open(id, sealedEnrollment, sealed)
	if err != nil {
		return enrollment{}, err
	}
	var asked enrollment
	return asked, json.Unmarshal(record, &asked)
}

// newCode is six random digits.
func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // never fails (crypto/rand)
	}
	return fmt.Sprintf("%06d", n)
}
