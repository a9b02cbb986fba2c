package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// bodyTime is how long a client may take to send a body.
const bodyTime = 15 * time.Second

// mostUnread is how long a body may be that nobody asked for.
const mostUnread = 64 << 10

// LimitBodyTime ends the wait for a body that comes too slowly or never, also where no handler reads it: net/http reads an
// unread body before it sends the answer, while the request counts as worked on. So that of a GET, which means nothing (RFC 9110
// §9.3.1), is read here. The server's own ReadTimeout would end long polls, too.
func LimitBodyTime(c *gin.Context) {
	if c.Request.ContentLength == 0 {
		return
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(bodyTime)) // a recorder in a test has none
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		return
	}
	_, err := io.Copy(io.Discard, http.MaxBytesReader(c.Writer, c.Request.Body, mostUnread))
	if _, refused := errors.AsType[Problem](err); refused {
		Shed(c)
	} else if err != nil { // the connection is of no more use: what waits for a change would hear that its client has gone
		BadRequest.With("the body breaks off, or is too long").Write(c)
	}
}

// ReadBody reads a body of the media type and of at most limit bytes. It answers [UnsupportedType], [TooLarge], or
// [BadRequest] for one that breaks off, takes too long (see [LimitBodyTime]) or is not UTF-8.
func ReadBody(c *gin.Context, mediaType string, limit int64) ([]byte, error) {
	if MediaType(c) != mediaType {
		return nil, UnsupportedType.With("expected " + mediaType)
	}
	body, err := ReadBytes(c, limit)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, BadRequest.With("the body is not UTF-8")
	}
	return body, nil
}

// MediaType is what a request says that its body is, "" when it does not say one thing.
func MediaType(c *gin.Context) string {
	said := c.Request.Header.Values("Content-Type")
	if len(said) != 1 {
		return ""
	}
	switch said[0] {
	case "application/json", "application/x-www-form-urlencoded": // as nearly all say it
		return said[0]
	}
	mediaType, _, err := mime.ParseMediaType(said[0])
	if err != nil {
		return ""
	}
	return mediaType
}

// roomAhead is how much of the length that a request claims gets room before it has come. Claiming costs a client nothing.
const roomAhead = 4 << 10

// ReadBytes reads a body of whatever sort, as [ReadBody] does. A body whose end is a [Problem] is answered with that.
func ReadBytes(c *gin.Context, limit int64) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(min(max(c.Request.ContentLength, 0), roomAhead)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, TooLarge
	}
	if problem, refused := errors.AsType[Problem](err); refused {
		return nil, problem
	}
	if err != nil {
		return nil, BadRequest.With("the body broke off")
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{}) // what follows may be a long poll
	return body.Bytes(), nil
}

// slowest is how many bytes a second a long body has to come or go with at least, so that who is slow keeps nothing for long.
const slowest = 64 << 10

// timeFor is how long a body of so many bytes may take.
func timeFor(size int64) time.Duration { return bodyTime + time.Duration(size/slowest)*time.Second }

// StreamBody is a body of the media type, of the length that the request says and of at most limit bytes, to be read as it comes. It
// answers [UnsupportedType], [LengthRequired] or [TooLarge]. Reading fails where it breaks off, or comes too slowly.
func StreamBody(c *gin.Context, mediaType string, limit int64) (body io.Reader, size int64, err error) {
	size = c.Request.ContentLength
	switch {
	case MediaType(c) != mediaType:
		return nil, 0, UnsupportedType.With("expected " + mediaType)
	case size < 0:
		return nil, 0, LengthRequired
	case size > limit:
		return nil, 0, TooLarge
	}
	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Now().Add(timeFor(size)))
	_ = control.SetWriteDeadline(time.Now().Add(timeFor(size) + AnswerTime)) // the server's own began with the request
	giveTime(c, timeFor(size)+workTime)
	return c.Request.Body, size, nil
}

// StreamAnswer begins an answer of so many bytes, which the caller writes; done ends it. Writing fails where the client takes it too
// slowly.
func StreamAnswer(c *gin.Context, mediaType string, size int64) (w io.Writer, done func()) {
	c.Header("Content-Type", mediaType)
	c.Header("Content-Length", strconv.FormatInt(size, 10))
	control := http.NewResponseController(c.Writer)
	_ = control.SetWriteDeadline(time.Now().Add(timeFor(size)))
	giveTime(c, timeFor(size)+workTime)
	c.Status(http.StatusOK)
	return c.Writer, func() {
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{}) // the connection's next request has its own time
	}
}

// ReadJSON reads one JSON object into v: no unknown member, no repeated one, nothing behind it.
func ReadJSON(c *gin.Context, v any, limit int64) error {
	body, err := ReadBody(c, "application/json", limit)
	if err != nil {
		return err
	}
	if err := uniqueMembers(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return BadRequest.With("the body is not the JSON object that belongs here")
	}
	if len(bytes.TrimLeft(body[d.InputOffset():], whiteSpace)) > 0 {
		return BadRequest.With("something stands behind the JSON object")
	}
	return nil
}

const whiteSpace = " \t\r\n" // RFC 8259 §2

// uniqueMembers refuses an object that names a member twice: which one counts would be the reader's choice. It looks no closer than
// that takes, and what it takes for an object may not be one: that is for encoding/json to say.
func uniqueMembers(body []byte) error {
	if !bytes.HasPrefix(bytes.TrimLeft(body, whiteSpace), []byte("{")) {
		return BadRequest.With("the body is not a JSON object")
	}
	seen := map[string]bool{}
	depth, named := 0, false // named: the member's name is behind us
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			named = named || depth == 1
		case ',':
			named = named && depth > 1
		case '"':
			from := i
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
			if depth > 1 || named {
				continue
			}
			var name string
			if err := json.Unmarshal(body[from:min(i+1, len(body))], &name); err != nil {
				return BadRequest.With("the body is not a JSON object")
			}
			// encoding/json takes a member for another that differs in case alone; the contract has lower case only.
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
				return BadRequest.With("an unknown member")
			}
			if seen[name] {
				return BadRequest.With("a member is repeated")
			}
			seen[name] = true
		}
	}
	return nil
}

// Query reads the query: known parameters only, each once.
func Query(c *gin.Context, known ...string) (url.Values, error) {
	if c.Request.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, BadRequest.With("the query is malformed")
	}
	for name, all := range values {
		if !slices.Contains(known, name) {
			return nil, BadRequest.With("an unknown query parameter")
		}
		if len(all) > 1 || !utf8.ValidString(all[0]) {
			return nil, BadRequest.With("a query parameter is repeated or not UTF-8")
		}
	}
	return values, nil
}
