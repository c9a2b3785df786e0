package webhooks

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"

	"hotelbooking/booking"
)

// Endpoint is somebody who is told.
type Endpoint struct {
	Name    string
	URL     string
	Types   []string // of events, as path.Match has patterns: "booking.*"; none: all
	Secrets []string // "whsec_..."; each makes a signature, so that one can be replaced while it is in use

	// AllowPrivate sends to addresses of one's own network, too, and to this machine without TLS: for development, and for
	// receivers that nobody outside can reach.
	AllowPrivate bool
}

// endpoint is one that is being told.
type endpoint struct {
	Endpoint

	slots     int
	signer    signer
	transport *http.Transport // its own: a connection that one endpoint may have opened must not serve another

	mu      sync.Mutex
	running int     // slots taken; by the dispatcher, given back once settled
	circuit circuit // of what was sent lately
}

func newEndpoint(configured Endpoint, cfg Config, resolver *net.Resolver) (*endpoint, error) {
	signer, err := newSigner(configured.Secrets)
	if err := errors.Join(append(configured.Problems(), err)...); err != nil {
		return nil, fmt.Errorf("webhook endpoint %s: %w", configured.Name, err)
	}
	return &endpoint{
		Endpoint: configured, slots: cfg.PerEndpoint, signer: signer,
		transport: newTransport(configured.allowed(), cfg, resolver),
	}, nil
}

// allowed judges an address that is about to be dialled.
func (e Endpoint) allowed() func(netip.Addr) error {
	switch {
	case !e.AllowPrivate:
		return public
	case strings.HasPrefix(strings.ToLower(e.URL), "http:"):
		return loopback
	default:
		return own
	}
}

// Problems are all that is wrong with it, but for its secrets. They quote no address: some have secrets in them.
func (e Endpoint) Problems() []error {
	var problems []error
	for _, pattern := range e.Types {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			problems = append(problems, fmt.Errorf("types: %q is no type, nor a pattern such as booking.*", pattern))
		}
	}
	if err := e.validateURL(); err != nil {
		problems = append(problems, err)
	}
	return problems
}

func (e Endpoint) validateURL() error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("url: want an address such as https://shop.example/webhooks")
	case u.Scheme != "https" && (u.Scheme != "http" || !e.AllowPrivate || !local(u.Hostname())):
		return errors.New("url: use https; http only to this machine (127.0.0.1, localhost), with allow_private")
	case u.User != nil:
		return errors.New("url: take the user and the password out: receivers check the signature")
	case u.Fragment != "":
		return errors.New("url: take away what is behind the #: nobody is sent it")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := e.allowed()(addr); err != nil {
			return fmt.Errorf("url: %w: use one that is, or set allow_private if it is your own network's", err)
		}
	} else if numeric(u.Hostname()) {
		return errors.New("url: the host is a number that some take for an address: write the address as such, or a name")
	}
	return nil
}

func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && loopback(addr) == nil
}

// numeric tells whether some would take a name for an IPv4 address: its last label is a number, decimal, octal or hexadecimal.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	digits := last != "" && strings.Trim(last, "0123456789") == ""
	return err == nil || digits
}

func (e *endpoint) wants(t booking.EventType) bool {
	for _, pattern := range e.Types {
		if ok, _ := path.Match(pattern, string(t)); ok {
			return true
		}
	}
	return len(e.Types) == 0
}
