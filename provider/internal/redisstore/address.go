package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Schemes is what a store's URL may begin with. Those with an s behind redis speak TLS.
var Schemes = []string{"redis", "rediss", "unix", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster"}

var errURL = errors.New("the URL cannot be read; it has the form redis://[user:password@]host:port[/db], redis-sentinel://…?master_name=…, " +
	"redis-cluster://…, each with rediss in place of redis for TLS, or unix://…")

// connection makes the client for a URL. Nothing is asked of the Redis yet. The error does not quote the URL.
func connection(address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errURL
	}
	certificates, err := takeCertificates(u)
	if err != nil {
		return nil, err
	}
	library, kind, _ := strings.Cut(u.Scheme, "-")
	u.Scheme = library
	switch kind {
	case "":
		o, err := redis.ParseURL(u.String())
		if err != nil {
			return nil, errURL
		}
		tune(&o.Protocol, &o.MaxRetries, &o.PipelinePoolSize, &o.ContextTimeoutEnabled, &o.DisableIdentity)
		hurry(&o.DialerRetries, &o.DialTimeout, &o.ReadTimeout, &o.PoolTimeout)
		o.MaintNotificationsConfig = noNotifications
		certificates.into(o.TLSConfig)
		return redis.NewClient(o), nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(u.String())
		if err != nil || o.MasterName == "" {
			return nil, errURL
		}
		tune(&o.Protocol, &o.MaxRetries, &o.PipelinePoolSize, &o.ContextTimeoutEnabled, &o.DisableIdentity)
		hurry(&o.DialerRetries, &o.DialTimeout, &o.ReadTimeout, &o.PoolTimeout)
		certificates.into(o.TLSConfig)
		return redis.NewFailoverClient(o), nil
	case "cluster":
		o, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, errURL
		}
		tune(&o.Protocol, &o.MaxRetries, &o.PipelinePoolSize, &o.ContextTimeoutEnabled, &o.DisableIdentity)
		hurry(&o.DialerRetries, &o.DialTimeout, &o.ReadTimeout, &o.PoolTimeout)
		o.MaintNotificationsConfig = noNotifications
		o.DisableRoutingPolicies = true // each command here has a key
		certificates.into(o.TLSConfig)
		return redis.NewClusterClient(o), nil
	}
	return nil, errURL
}

// tune sets what is the same for each kind of client, whose options are three types.
func tune(protocol, retries, pipelines *int, timeouts, anonymous *bool) {
	*protocol = 2
	*retries = -1   // a swap whose answer was lost must not be sent again: it would lose against itself
	*pipelines = -1 // the pipelines here are a few commands
	*timeouts, *anonymous = true, true
}

// answerTime is how long Redis may take to be connected to, to answer, or to have a connection free, unless the URL says otherwise. It takes
// a millisecond when it is well. A node that is cut off from it tells people so, who may ask another node meanwhile.
const answerTime = 2 * time.Second

// hurry bounds the waiting for a Redis that says nothing.
func hurry(dials *int, times ...*time.Duration) {
	*dials = 1
	for _, t := range times {
		if *t == 0 {
			*t = answerTime
		}
	}
}

var noNotifications = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

// certificates is what a URL says of TLS beyond what the client's library knows.
type certificates struct {
	roots *x509.CertPool
	own   []tls.Certificate
}

// takeCertificates takes ca_file, cert_file and key_file out of the URL's query.
func takeCertificates(u *url.URL) (c certificates, err error) {
	query := u.Query()
	ca, cert, key := query.Get("ca_file"), query.Get("cert_file"), query.Get("key_file")
	if ca+cert+key == "" {
		return c, nil
	}
	if !strings.HasPrefix(u.Scheme, "rediss") {
		return c, errors.New("ca_file, cert_file and key_file are for rediss, which speaks TLS")
	}
	for _, name := range []string{"ca_file", "cert_file", "key_file"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return c, fmt.Errorf("ca_file: %w", err)
		}
		c.roots = x509.NewCertPool()
		if !c.roots.AppendCertsFromPEM(pem) {
			return c, fmt.Errorf("ca_file: %s has no certificate", ca)
		}
	}
	if cert+key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return c, fmt.Errorf("cert_file and key_file: %w", err)
		}
		c.own = []tls.Certificate{pair}
	}
	return c, nil
}

// into adds them. Each server is to be who its own address says, and not the one in the URL: there may be several.
func (c certificates) into(config *tls.Config) {
	if config != nil {
		config.RootCAs, config.Certificates, config.ServerName = c.roots, c.own, ""
	}
}
