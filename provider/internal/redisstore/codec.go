package redisstore

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"qrlogin/provider/internal/challenge"
)

// format is the first byte of every record. Whoever changes what coder.challenge does raises it.
const format = 5

// coder writes a challenge as bytes, or reads it back: each method does the one or the other, so that the two cannot part.
// Writing, it changes nothing that it is given, for others hold the same slices.
// It is a third of the size of JSON, which is what keeps a pending challenge under a kilobyte. Times are kept to the
// millisecond, and since the challenge began, which is the script's to write.
type coder struct {
	bytes   []byte
	began   time.Time
	reading bool
	short   bool // reading came to the end too early
}

func encode(c challenge.Challenge) []byte {
	x := coder{bytes: make([]byte, 0, 512), began: c.CreatedAt}
	x.bytes = append(x.bytes, format)
	x.challenge(&c)
	return x.bytes
}

// decode reads "<when it began>;<bytes>", as the script keeps it.
func decode(found string) (challenge.Challenge, error) {
	began, data, _ := strings.Cut(found, ";")
	milli, err := strconv.ParseInt(began, 10, 64)
	if err != nil || data == "" || data[0] != format {
		return challenge.Challenge{}, errors.New("the record was written by another version of this program")
	}
	c := challenge.Challenge{CreatedAt: time.UnixMilli(milli).UTC()}
	x := coder{bytes: []byte(data[1:]), began: c.CreatedAt, reading: true}
	x.challenge(&c)
	if x.short || len(x.bytes) > 0 {
		return challenge.Challenge{}, errors.New("the record is damaged")
	}
	return c, nil
}

func (x *coder) challenge(c *challenge.Challenge) {
	x.fixed(c.ID[:])
	x.uint(&c.Version)
	x.int((*int)(&c.State))
	x.text(&c.Client)
	x.time(&c.ExpiresAt)

	x.fixed(c.DeviceCode[:])
	x.fixed(c.Watch[:])
	x.text(&c.UserCode)
	x.blob(&c.FrameKey)

	x.bool(&c.Policy.StaticCode)
	x.bool(&c.Policy.TypedCode)
	x.bool(&c.Policy.ShortFrames)
	x.bool(&c.Policy.Confirm)
	x.int((*int)(&c.Policy.Proximity))
	x.prefixes(&c.Policy.Networks)
	x.texts(&c.Request.Scopes)
	x.texts(&c.Request.Resources)
	x.text(&c.Request.Nonce)
	x.text(&c.Request.BindingMessage)
	x.blob((*[]byte)(&c.Request.Details))
	x.bool(&c.Request.SessionOffered)
	x.text(&c.Request.Account)
	x.text(&c.Browser.Address)
	x.text(&c.Browser.UserAgent)
	x.text(&c.Claim.Device)
	x.text(&c.Claim.Account)
	x.time(&c.Claim.At)
	x.bool(&c.Claim.Moving)
	x.bool(&c.Claim.Here)
	x.blob(&c.Claim.Consent)

	x.time(&c.ApprovedAt)
	x.int(&c.Misses)
	x.bool(&c.Session)
	x.text((*string)(&c.Unlock))
	x.blob(&c.Signed)
	x.blob(&c.Sealed)
	x.time(&c.WindowEnds)
}

// fixed is bytes of a length that both sides know.
func (x *coder) fixed(b []byte) {
	if !x.reading {
		x.bytes = append(x.bytes, b...)
		return
	}
	copy(b, x.take(uint64(len(b))))
}

func (x *coder) uint(n *uint64) {
	if !x.reading {
		x.bytes = binary.AppendUvarint(x.bytes, *n)
		return
	}
	value, size := binary.Uvarint(x.bytes)
	if size <= 0 {
		x.short = true
		x.bytes = nil
		return
	}
	*n, x.bytes = value, x.bytes[size:]
}

func (x *coder) int(n *int) {
	u := uint64(*n)
	if x.uint(&u); x.reading {
		*n = int(u)
	}
}

func (x *coder) bool(b *bool) {
	var n int
	if *b {
		n = 1
	}
	if x.int(&n); x.reading {
		*b = n != 0
	}
}

// time is milliseconds since the challenge began, which may be before that if the store's clock was set back; 0 is no time at all.
func (x *coder) time(t *time.Time) {
	var n uint64
	if !t.IsZero() {
		since := t.Sub(x.began).Milliseconds()
		n = uint64(since<<1^since>>63) + 1 // small numbers of either sign
	}
	x.uint(&n)
	if x.reading && n != 0 {
		n--
		*t = x.began.Add(time.Duration(int64(n>>1)^-int64(n&1)) * time.Millisecond)
	}
}

func (x *coder) blob(b *[]byte) {
	n := uint64(len(*b))
	x.uint(&n)
	if !x.reading {
		x.bytes = append(x.bytes, *b...)
	} else if n > 0 {
		*b = x.take(n)
	}
}

func (x *coder) text(s *string) {
	b := []byte(*s)
	if x.blob(&b); x.reading {
		*s = string(b)
	}
}

func (x *coder) texts(list *[]string) {
	n := uint64(len(*list))
	x.uint(&n)
	for i := uint64(0); i < n && !x.short; i++ {
		if x.reading {
			*list = append(*list, "")
		}
		x.text(&(*list)[i])
	}
}

func (x *coder) prefixes(list *[]netip.Prefix) {
	texts := make([]string, len(*list))
	for i, prefix := range *list {
		texts[i] = prefix.String()
	}
	x.texts(&texts)
	for i := 0; x.reading && i < len(texts) && !x.short; i++ {
		prefix, err := netip.ParsePrefix(texts[i])
		x.short = err != nil
		*list = append(*list, prefix)
	}
}

// take is the next n bytes of what is read.
func (x *coder) take(n uint64) []byte {
	if n > uint64(len(x.bytes)) {
		x.short = true
		x.bytes = nil
		return nil
	}
	b := x.bytes[:n:n]
	x.bytes = x.bytes[n:]
	return b
}
