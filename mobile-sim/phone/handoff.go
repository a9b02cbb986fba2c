package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"qrlogin/api/handoff"
	"qrlogin/api/proof"
)

// What is wrong with a code that asks for a handoff. Nothing was encrypted, and the code was given back.
var (
	ErrHandoffKey       = errors.New("the provider shows another key than the page")
	ErrHandoffNeedsScan = errors.New("a code that asks for something must be scanned by the phone itself: no typed code, no uploaded picture")
)

// What is wrong with what is to be sent. Nothing was encrypted or sent.
var (
	ErrHandoffMissing  = errors.New("the code asks for something, and nothing is to be sent")
	ErrHandoffUnwanted = errors.New("the code asks for nothing, and something is to be sent")
	ErrHandoffType     = errors.New("the page does not take this media type")
	ErrHandoffTooLarge = errors.New("this is more than may be sent")
)

// Content is what a phone hands off.
type Content struct {
	MediaType string
	Data      []byte
}

// Takes tells whether this is what the consent asks for, nil for nothing: nil, or one of the errors above.
func (c *Claim) Takes(content *Content) error {
	asked := c.Consent.Handoff
	switch {
	case asked == nil && content == nil:
		return nil
	case asked == nil:
		return ErrHandoffUnwanted
	case content == nil:
		return ErrHandoffMissing
	}
	mediaType, err := handoff.MediaType(content.MediaType)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrHandoffType, content.MediaType)
	}
	taken := func(t string) bool { return strings.EqualFold(t, mediaType) }
	if asked.MediaTypes != nil && !slices.ContainsFunc(*asked.MediaTypes, taken) {
		return fmt.Errorf("%w: %s; it takes %q", ErrHandoffType, mediaType, *asked.MediaTypes)
	}
	if size, limit := int64(len(content.Data)), c.SendLimit(); size > limit {
		return fmt.Errorf("%w: %d of at most %d bytes", ErrHandoffTooLarge, size, limit)
	}
	return nil
}

// SendLimit is how many bytes may be sent.
func (c *Claim) SendLimit() int64 {
	if c.Consent.HandoffLimit == nil {
		return 0
	}
	return *c.Consent.HandoffLimit
}

// isOf wants the key of a handoff to be the one that the page named in its code: a provider, or whoever has broken into it, could
// otherwise put its own there, read everything, and encrypt it anew for the page.
func (c *Claim) isOf(thumbprint string) error {
	asked := c.Consent.Handoff
	if asked == nil {
		return nil
	}
	if thumbprint == "" {
		return ErrHandoffNeedsScan
	}
	if shown, err := handoff.Thumbprint(asked.Jwk); err != nil || shown != thumbprint {
		return ErrHandoffKey
	}
	return nil
}

// send encrypts content for the page and hands it to the provider. It returns by what name the approval is to call it.
func (p *Phone) send(ctx context.Context, c *Claim, content *Content) (digest string, err error) {
	jwe, err := handoff.Seal(c.Consent.Handoff.Jwk, content.MediaType, content.Data)
	if err != nil {
		return "", err
	}
	_, err = persist(ctx, func() error {
		resp, err := p.api.SendHandoffWithBodyWithResponse(ctx, c.Challenge, "application/jose", bytes.NewReader(jwe))
		if err != nil {
			return err
		}
		return done(resp.ApplicationproblemJSONDefault, resp.HTTPResponse)
	})
	if err != nil {
		return "", err
	}
	return proof.Digest(jwe), nil
}
