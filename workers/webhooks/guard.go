package webhooks

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
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

// metadata is where machines of a cloud are given their own secrets, at addresses that look like any private one.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254")}

// own refuses an address that is neither everybody's nor of one's own machine or network; and those of link-local and metadata
// services, for nobody's endpoint is there.
func own(addr netip.Addr) error {
	if addr.IsLoopback() || addr.IsPrivate() && !slices.Contains(metadata, addr) {
		return nil
	}
	return public(addr)
}

// loopback refuses all that leaves the machine.
func loopback(addr netip.Addr) error {
	if !addr.IsLoopback() {
		return errNotPublic
	}
	return nil
}

// control is that of a dialer: it sees what is really dialled.
func control(allow func(netip.Addr) error) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		dialled, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" {
			return errNotPublic
		}
		return allow(dialled.Addr())
	}
}

const (
	dialTimeout    = 3 * time.Second
	headersMost    = 16 << 10
	idleConnection = 30 * time.Second
)

// newTransport is the way to one endpoint, at addresses that are allowed: no proxy, whatever the environment says, since it would
// dial for us; and, because it is no http.Client, no redirects.
func newTransport(allow func(netip.Addr) error, cfg Config, resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: min(dialTimeout, cfg.Timeout), KeepAlive: 15 * time.Second, Resolver: resolver, Control: control(allow)}
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
