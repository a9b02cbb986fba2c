package phone

import (
	"errors"
	"fmt"
	"net/http"

	"qrlogin/api"
)

// Problem is an error that the provider answered (RFC 9457). Its texts are the provider's: before they are shown they
// must be made safe for where they are shown.
type Problem struct {
	Status int    // HTTP status
	Code   string // stable, for programs; "" when the answer was not a problem document
	Title  string
}

func (p *Problem) Error() string {
	if p.Code == "" {
		return fmt.Sprintf("the provider answered %d %s", p.Status, p.Title)
	}
	return fmt.Sprintf("%s (%d %s)", p.Title, p.Status, p.Code)
}

// Is makes the provider's refusal of a code that it cannot take for a handoff the same error as this phone's own.
func (p *Problem) Is(target error) bool {
	return target == ErrHandoffNeedsScan && p.Code == "handoff-needs-scan"
}

// answer returns the decoded body of a success, or what the provider answered instead.
func answer[T any](ok *T, p *api.Problem, resp *http.Response) (*T, error) {
	if ok != nil {
		return ok, nil
	}
	return nil, problem(p, resp)
}

// done is for a success that has no body.
func done(p *api.Problem, resp *http.Response) error {
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return problem(p, resp)
}

func problem(p *api.Problem, resp *http.Response) error {
	switch {
	case resp.StatusCode < 300:
		return errors.New("the provider's answer is not what the contract says")
	case p == nil:
		return &Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	default:
		return &Problem{Status: resp.StatusCode, Code: p.Code, Title: p.Title}
	}
}
