package shop

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard stands before every route: the headers of every answer, one name for the shop, and no request from another site.
func (s *Shop) guard(next http.Handler) http.Handler {
	headers := map[string]string{
		// Scripts and calls go to this shop and to the provider, everything else to this shop alone.
		"Content-Security-Policy": "default-src 'none'; script-src 'self' " + s.origin + "; connect-src 'self' " + s.origin +
			"; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
		"Cache-Control":                "no-store", // the pages are personal; static files say otherwise
	}
	if s.secure {
		headers["Strict-Transport-Security"] = "max-age=31536000"
	}
	s.protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This request came from another site.", http.StatusForbidden)
	}))
	protected := s.protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if home := s.otherName(r); home != "" {
			http.Redirect(w, r, home, http.StatusTemporaryRedirect)
			return
		}
		if !s.ownName(r) { // a name that somebody pointed here, to whose page all of this would be its own site (DNS rebinding)
			http.Error(w, "This site has another name.", http.StatusMisdirectedRequest)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// ownName tells whether the request is for the shop by its own name; the port that its scheme has anyway need not be in it.
func (s *Shop) ownName(r *http.Request) bool {
	own, _ := url.Parse(s.url)
	port := map[string]string{"http": ":80", "https": ":443"}[own.Scheme]
	return strings.EqualFold(strings.TrimSuffix(r.Host, port), strings.TrimSuffix(own.Host, port))
}

// otherName returns where a reader belongs who reached a shop on the loopback by another of the loopback's names: the
// provider knows one origin and the browser keeps cookies by host. The host never comes from the request.
func (s *Shop) otherName(r *http.Request) string {
	own, _ := url.Parse(s.url)
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || r.Method != http.MethodGet || r.Host == own.Host || port != own.Port() ||
		!loopbackName(host) || !loopbackName(own.Hostname()) {
		return ""
	}
	return own.ResolveReference(&url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}).String()
}

// OnLoopback says whether the request was made on the shop's own machine, to a shop that lives there: not by way of a
// proxy on the same machine, nor through a name that somebody pointed at it.
func (s *Shop) OnLoopback(r *http.Request) bool {
	own, _ := url.Parse(s.url)
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	return loopbackName(own.Hostname()) && strings.EqualFold(r.Host, own.Host) && loopbackName(from)
}
