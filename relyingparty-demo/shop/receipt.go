package shop

import (
	"errors"
	"fmt"

	"qrlogin/api"
	signed "qrlogin/api/proof"
)

// receiptOf takes the receipt out of what the provider says was approved (RFC 9396 section 7): one order, the one that was asked
// for, signed by the phone whose key the ID token names, for this client.
func receiptOf(details []api.Order, p *provider, device string, asked api.Order) (string, error) {
	if len(details) != 1 || details[0].Receipt == nil {
		return "", errors.New("the answer has not one order with a receipt")
	}
	jws := *details[0].Receipt
	receipt, err := signed.VerifyReceipt(jws, p.issuer, device)
	switch {
	case err != nil:
		return "", fmt.Errorf("the answer: %w", err)
	case receipt.ClientID != p.clientID:
		return "", errors.New("the receipt is for another site")
	case !receipt.Confirms(asked):
		return "", errors.New("the receipt is for another order than was asked for")
	case !receipt.Confirms(details[0]):
		return "", errors.New("the answer has another order than its receipt")
	}
	return jws, nil
}
