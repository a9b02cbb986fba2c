package swarm

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config says what a swarm does.
type Config struct {
	Nodes    []string // URLs of the provider, or of the nodes of one provider; the parties of a login each ask another
	Anywhere bool     // nodes may be elsewhere than on this machine's loopback

	Client string // client_id of the site, which may be public; "" has one registered with Token
	Secret string // of Client
	Token  string // the provider's registration token (RFC 7591)
	Codes  string // the file that the provider appends enrolment codes to, one JSON object a line

	Logins      int           // how many logins, in all
	Concurrency int           // how many of them at once at most; as many phones are enrolled
	Rate        float64       // logins begun in a second, whatever the provider's pace; 0 begins one as another ends
	Waiting     int           // browsers that wait beside them, for nobody
	OpenRate    float64       // browsers that begin to wait in a second
	Hold        time.Duration // how long those wait at least
	Thought     time.Duration // that the holder of a phone takes between consent and approval
	Deadline    time.Duration // within which a login is to be approved, and then to have its token
	CheckEvery  int           // one in so many logins has its code redeemed twice and its token's signature verified; 0 none

	PIDs     []int // the provider's processes, whose CPU and memory are measured
	TLS      *tls.Config
	Progress func(Progress) // called every quarter of a second, if not nil

	silence time.Duration // without any answer, though somebody asks: then there is nobody any more; 0 is a minute
}

// maxPhones is how many numbers there are for them.
const maxPhones = 5000

// Check says what is wrong with a configuration, without asking anybody.
func (c Config) Check() error {
	if len(c.Nodes) == 0 {
		return errors.New("no provider is named")
	}
	for _, node := range c.Nodes {
		u, err := url.Parse(node)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.TrimRight(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("provider %q is not a plain URL such as http://localhost:9000", node)
		}
		if !c.Anywhere && !onLoopback(u.Hostname()) {
			return fmt.Errorf("provider %s is not on this machine: a swarm is an attack on whoever did not ask for it; --anywhere if it is yours", node)
		}
	}
	switch {
	case c.Logins < 0 || c.Waiting < 0 || c.Logins+c.Waiting == 0:
		return errors.New("there is nothing to do: neither logins nor waiting browsers are asked for")
	case c.Concurrency < 1 || c.Concurrency > maxPhones:
		return fmt.Errorf("the concurrency is not between 1 and %d", maxPhones)
	case c.Rate < 0 || c.Waiting > 0 && c.OpenRate <= 0:
		return errors.New("a rate is how many in a second")
	case c.Deadline < time.Second:
		return errors.New("the deadline is not at least a second")
	case c.CheckEvery < 0 || c.Hold < 0 || c.Thought < 0:
		return errors.New("what cannot be less than nothing is")
	case c.Logins > 0 && c.Codes == "":
		return errors.New("phones enrol by codes: name the file that the provider writes them to (provider serve --sms=file:PATH)")
	case (c.Client == "") == (c.Token == ""):
		return errors.New("a site is needed: either one that is registered, or the registration token to register one with")
	}
	return c.checkFiles()
}

// checkFiles holds what is asked for against how many files this process may have open, where that can be known. The limit is as far
// up already as a process may set it by itself.
func (c Config) checkFiles() error {
	const others = 64
	need := c.Waiting + len(c.Nodes)*3*min(c.Concurrency, c.Logins) + others
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return nil // not on Linux; running out of them is an error that is counted
	}
	for line := range bytes.Lines(limits) {
		rest, ok := bytes.CutPrefix(line, []byte("Max open files"))
		fields := bytes.Fields(rest)
		if !ok || len(fields) == 0 {
			continue
		}
		if most, err := strconv.Atoi(string(fields[0])); err == nil && most < need {
			return fmt.Errorf("this takes %d open files, and this process may have %d: raise its limit (ulimit -n %d), and see to the provider's", need, most, need)
		}
	}
	return nil
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
