package swarm

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// phone is one enrolled device of one account.
type phone struct {
	*link
	key    *ecdsa.PrivateKey
	number string
	nonce  string // the newest DPoP-Nonce
}

// prove is persist with a fresh proof for each try, and once more when the provider asks for a nonce (RFC 9449 §8).
func (p *phone) prove(ctx context.Context, endpoint, path, body string) (answer, error) {
	for asked := false; ; asked = true {
		a, _, err := p.persist(ctx, endpoint, func() (request, error) {
			dpop, err := proof.SignDPoP(p.key, http.MethodPost, p.s.issuer+path, p.nonce, time.Now())
			return request{method: http.MethodPost, path: path, headers: "Content-Type: application/json\r\nDPoP: " + dpop + "\r\n", body: body}, err
		})
		if err != nil || asked || a.status != http.StatusUnauthorized || a.nonce == "" {
			return a, err
		}
		p.nonce = a.nonce
	}
}

// scan claims what a code names, and returns the signed approval of it.
func (p *phone) scan(ctx context.Context, id, code string) (approval string, at time.Time, err error) {
	body, err := json.Marshal(api.ScanRequest{Code: code})
	if err != nil {
		return "", at, err
	}
	a, err := p.prove(ctx, atScan, "/phone/scans", string(body))
	if err != nil {
		return "", at, err
	}
	if a.status != http.StatusOK {
		return "", at, p.s.refused(atScan, a)
	}
	at = time.Now().Add(-a.took)
	var claim api.Claim
	if err := json.Unmarshal(a.body, &claim); err != nil || claim.ChallengeId != id {
		return "", at, p.s.malformed(atScan)
	}
	consent, err := base64.RawURLEncoding.DecodeString(claim.Consent)
	if err != nil {
		return "", at, p.s.malformed(atScan)
	}
	p.s.tally.took(seriesScan, a.took)
	approval, err = proof.SignDecision(p.key, proof.Statement{
		Audience: p.s.issuer, Challenge: claim.ChallengeId, Verdict: proof.Approve, Consent: consent,
	}, time.Now())
	return approval, at, err
}

// decide sends an approval. When that fails, unsure is that it may count all the same.
func (p *phone) decide(ctx context.Context, approval string) (unsure bool, err error) {
	body := `{"decision":"` + approval + `"}`
	a, unsure, err := p.persist(ctx, atDecide, func() (request, error) {
		return request{method: http.MethodPost, path: "/phone/decisions", headers: "Content-Type: application/json\r\n", body: body}, nil
	})
	if err != nil {
		return unsure, err
	}
	if a.status != http.StatusOK {
		return unsure, p.s.refused(atDecide, a)
	}
	var result api.DecisionResult
	if err := json.Unmarshal(a.body, &result); err != nil {
		return unsure, p.s.malformed(atDecide)
	}
	if result.State != api.DecisionResultStateApproved {
		err := fmt.Errorf("%s: the approval is %q: the site's policy asks for more than a swarm does", atDecide, result.State)
		p.s.tally.failed(err.Error())
		return false, err
	}
	p.s.tally.took(seriesDecide, a.took)
	return false, nil
}

// The numbers of phones are fictitious, so that a provider that does send messages sends them to nobody: 555-0100 to 555-0199 of
// these area codes of the United States. The many codes are for the limit on numbers that differ in the last four digits.
var areas = strings.Fields(`
	201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231
	301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 325 326 327 329 330
	`)

// numbers gives out a number each time, from a random one on: an account that an earlier swarm left has the next phone wait for a day.
type numbers struct {
	mu     sync.Mutex
	next   int
	issued int
}

func newNumbers() (*numbers, error) {
	start, err := rand.Int(rand.Reader, big.NewInt(maxPhones))
	if err != nil {
		return nil, err
	}
	return &numbers{next: int(start.Int64())}, nil
}

var errNumbers = errors.New("there are accounts of all numbers that a swarm has; begin with an empty database")

func (n *numbers) take() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.issued == maxPhones {
		return "", errNumbers
	}
	i := n.next % maxPhones
	n.next++
	n.issued++
	return fmt.Sprintf("+1%s55501%02d", areas[i%len(areas)], i/len(areas)), nil
}

// codes reads the file that enrolment codes are appended to.
type codes struct {
	mu   sync.Mutex
	file *os.File
	rest []byte // a line that is not at its end
	of   map[string]string
}

// openCodes leaves out what is in the file already.
func openCodes(path string) (*codes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("enrolment codes: %w; the provider makes it, run with --sms=file:PATH", err)
	}
	if _, err := f.Seek(0, 2); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("enrolment codes: %w", err)
	}
	return &codes{file: f, of: map[string]string{}}, nil
}

func (c *codes) find(number string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	block := make([]byte, 32<<10)
	for {
		n, err := c.file.Read(block)
		c.rest = append(c.rest, block[:n]...)
		if n == 0 || err != nil {
			break // also at its end, for now
		}
	}
	for {
		line, rest, whole := bytes.Cut(c.rest, []byte("\n"))
		if !whole {
			break
		}
		c.rest = rest
		var message struct{ To, Code string }
		if err := json.Unmarshal(line, &message); err != nil {
			return "", errors.New("enrolment codes: the file has a line that is not JSON")
		}
		c.of[message.To] = message.Code
	}
	return c.of[number], nil
}

// wait returns the code that was sent to a number, once it is there.
func (c *codes) wait(ctx context.Context, number string) (string, error) {
	for range 1000 {
		code, err := c.find(number)
		if code != "" || err != nil {
			return code, err
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", errors.New("enrolment codes: none came in ten seconds; is it the file that the provider writes?")
}

// enrol makes a phone of an account of its own.
func (s *swarm) enrol(ctx context.Context, i int, numbers *numbers, codes *codes) (*phone, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	for {
		p := &phone{link: s.link(s.source(2, i)), key: key}
		if p.number, err = numbers.take(); err != nil {
			return nil, err
		}
		works, err := p.enrol(ctx, codes)
		if works || err != nil {
			return p, err
		}
		// There is a phone of this number already, from an earlier swarm. A device has one account, so the next number has another.
		p.close()
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
}

func (p *phone) enrol(ctx context.Context, codes *codes) (works bool, err error) {
	a, err := p.prove(ctx, atEnrol, "/phone/enrollments", `{"phone_number":"`+p.number+`","device_name":"mobile-sim swarm"}`)
	if err == nil && a.status != http.StatusCreated {
		err = &refusal{atEnrol, a}
	}
	var e api.Enrollment
	if err == nil && json.Unmarshal(a.body, &e) != nil {
		err = errMalformed
	}
	if err != nil {
		return false, hinted(err)
	}
	code, err := codes.wait(ctx, p.number)
	if err != nil {
		return false, err
	}
	a, err = p.prove(ctx, atConfirm, "/phone/enrollments/"+e.EnrollmentId+"/confirm", `{"code":"`+code+`"}`)
	if err == nil && a.status != http.StatusCreated {
		err = &refusal{atConfirm, a}
	}
	var account api.PhoneAccount
	if err == nil && json.Unmarshal(a.body, &account) != nil {
		err = errMalformed
	}
	return time.Until(account.Device.ActiveAt) < time.Second, hinted(err)
}
