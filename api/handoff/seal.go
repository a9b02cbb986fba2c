package handoff

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
)

// What is wrong with a handoff.
var (
	ErrMediaType = errors.New("handoff: that is no media type")
	ErrMalformed = errors.New("handoff: not a JWE by ECDH-ES and A256GCM with a media type")
	ErrSealed    = errors.New("handoff: sealed for another key, or changed on its way")
)

// Seal encrypts something for a page's key: a JWE in compact form (RFC 7516) by ECDH-ES and A256GCM (RFC 7518 §4.6, §5.3), with the
// media type as its cty. It returns [ErrKey] for what is no P-256 key, and [ErrMediaType].
func Seal(key api.HandoffKey, mediaType string, plain []byte) ([]byte, error) {
	if _, err := MediaType(mediaType); err != nil {
		return nil, err
	}
	jwk, err := read(key)
	if err != nil {
		return nil, err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key},
		new(jose.EncrypterOptions).WithContentType(jose.ContentType(mediaType)))
	if err != nil {
		return nil, fmt.Errorf("handoff: seal: %w", err)
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return nil, fmt.Errorf("handoff: seal: %w", err)
	}
	jwe, err := sealed.CompactSerialize()
	return []byte(jwe), err
}

// MediaType returns a media type in lower case without its parameters, as it is held against those that a page takes, or
// [ErrMediaType].
func MediaType(text string) (string, error) {
	mediaType, _, err := mime.ParseMediaType(text)
	if err != nil || !strings.Contains(mediaType, "/") {
		return "", ErrMediaType
	}
	return mediaType, nil
}

// Open is what a page does, for one that is written in Go: it returns what was sealed for its key, and the media type. It returns
// [ErrMalformed] for what is no handoff, and [ErrSealed] when this key does not open it.
func Open(private *ecdsa.PrivateKey, jwe []byte) (mediaType string, plain []byte, err error) {
	mediaType, err = contentType(jwe)
	if err != nil {
		return "", nil, err
	}
	sealed, err := jose.ParseEncryptedCompact(string(jwe), []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return "", nil, ErrMalformed
	}
	if plain, err = sealed.Decrypt(private); err != nil {
		return "", nil, ErrSealed
	}
	return mediaType, plain, nil
}

// contentType returns cty. A header with anything beside it that Seal does not write is refused: compression would let a few bytes
// grow, apu and apv would have the key derived in another way.
func contentType(jwe []byte) (string, error) {
	encoded, _, _ := bytes.Cut(jwe, []byte("."))
	header, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return "", ErrMalformed
	}
	var members struct {
		Alg, Enc json.RawMessage // judged by the library, as is epk
		Epk      json.RawMessage
		Cty      string
	}
	d := json.NewDecoder(bytes.NewReader(header))
	d.DisallowUnknownFields()
	if d.Decode(&members) != nil {
		return "", ErrMalformed
	}
	if _, err := MediaType(members.Cty); err != nil {
		return "", ErrMalformed
	}
	return members.Cty, nil
}
