package webhooks

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Who configures an endpoint says a name; who owns the name says, at any time anew, which address it has. So the address is
// judged when it is dialled, and again for every connection.

// guardian refuses what IANA lists as special, and all of IPv6 that is not global unicast: loopback, private, link-local, shared
// (CGNAT), multicast, unspecified, and IPv4 addresses inside others (mapped, NAT64, 6to4, Teredo). Endpoints may have any port.
var guardian = ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's machines ask it for their own secrets, and it looks public
))

// errNotPublic: nobody is told which address a name has inside our network.
var errNotPublic = errors.New("the address is not a public one")

// public refuses an address that is not everybody's.
func public(addr netip.Addr) error {
	if guardian.SafeAddr(addr) != nil {
		return errNotPublic
	}
	return nil
}

// onlyPublic is the Control of a dialer: it sees what is really dialled.
func onlyPublic(network, address string, conn syscall.RawConn) error {
	if guardian.Safe(network, address, conn) != nil {
		return errNotPublic
	}
	return nil
}

const (
	dialTimeout    = 3 * time.Second
	headersMost    = 16 << 10
	idleConnection = 30 * time.Second
)

// newTransport is the way to one endpoint: no proxy, whatever the environment says, since it would dial for us; and, because it
// is no http.Client, no redirects.
func newTransport(allowPrivate bool, cfg Config, resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: min(dialTimeout, cfg.Timeout), KeepAlive: 15 * time.Second, Resolver: resolver}
	if !allowPrivate {
		dialer.Control = onlyPublic
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    min(dialTimeout, cfg.Timeout),
		ResponseHeaderTimeout:  cfg.Timeout,
		IdleConnTimeout:        idleConnection,
		MaxIdleConnsPerHost:    cfg.PerEndpoint,
		MaxConnsPerHost:        cfg.PerEndpoint,
		MaxResponseHeaderBytes: headersMost,
		DisableCompression:     true, // nothing of the answer is of use
		ForceAttemptHTTP2:      true,
	}
}
