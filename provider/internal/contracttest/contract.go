package contracttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Checker is a handler in front of another that validates what passes.
type Checker struct {
	next   http.Handler
	router routers.Router
	doc    *openapi3.T

	mu         sync.Mutex
	violations []string
	seen       map[string]bool // operationId and status
}

// Wrap checks every response of h for the rest of the test.
func Wrap(t testing.TB, h http.Handler) *Checker {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(find(t, "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("openapi.yaml is not valid: %v", err)
	}
	doc.Servers = nil // any address: the tests choose free ports
	for _, path := range doc.Paths.Map() {
		path.Servers = nil
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	c := &Checker{next: h, router: router, doc: doc, seen: map[string]bool{}}
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, v := range c.violations {
			t.Error("outside the contract: " + v)
		}
	})
	return c
}

// Unseen lists the operations that no checked request has reached, but for the operator's, which are answered elsewhere.
func (c *Checker) Unseen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var unseen []string
	for _, path := range c.doc.Paths.Map() {
		for _, operation := range path.Operations() {
			if !c.seen[operation.OperationID] && !slices.Contains(operation.Tags, "operator") { // who listens elsewhere
				unseen = append(unseen, operation.OperationID)
			}
		}
	}
	slices.Sort(unseen)
	return unseen
}

func (c *Checker) violation(r *http.Request, status int, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations = append(c.violations, fmt.Sprintf("%s %s answered %d: ", r.Method, r.URL.Path, status)+fmt.Sprintf(format, args...))
}

func (c *Checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tee := &tee{ResponseWriter: w}
	c.next.ServeHTTP(tee, r)
	if r.Method == http.MethodOptions || r.Context().Err() != nil {
		return // CORS preflights are the browser's affair; nobody reads the answer to one who has gone
	}
	status := max(tee.status, http.StatusOK)
	mediaType, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	route, params, err := c.router.FindRoute(escaped(r))
	if err != nil {
		// A path or a method that does not exist still has an error's shape.
		if status < 400 || mediaType != "application/problem+json" && mediaType != "application/json" {
			c.violation(r, status, "%v, and the answer is %q", err, mediaType)
		}
		return
	}
	c.mu.Lock()
	c.seen[route.Operation.OperationID] = true
	c.mu.Unlock()

	isJSON := mediaType == "application/json" || mediaType == "application/problem+json"
	if response := route.Operation.Responses.Status(status); response == nil && route.Operation.Responses.Default() == nil {
		c.violation(r, status, "the status is not in the contract")
	} else {
		if response == nil {
			response = route.Operation.Responses.Default()
		}
		if content := response.Value.Content; content.Get(mediaType) == nil && (len(content) > 0 || tee.body.Len() > 0) {
			c.violation(r, status, "content type %q is not in the contract", mediaType)
			return
		}
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 status,
		Header:                 w.Header(),
		Body:                   io.NopCloser(bytes.NewReader(tee.body.Bytes())),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: !isJSON, MultiError: true},
	})
	if err != nil {
		c.violation(r, status, "%v", err)
	}
}

// escaped is the request with the path as it was sent: an escaped slash is part of a name.
func escaped(r *http.Request) *http.Request {
	sent := r.Clone(r.Context())
	sent.URL.Path = r.URL.EscapedPath()
	return sent
}

// tee keeps a copy of what is answered.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(b []byte) (int, error) {
	t.body.Write(b)
	return t.ResponseWriter.Write(b)
}

func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// find looks for a file in the folder of go.mod.
func find(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(folder, string(filepath.Separator)) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, name)
		}
		folder = filepath.Dir(folder)
	}
	t.Fatalf("%s not found", name)
	return ""
}
