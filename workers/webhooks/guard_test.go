package webhooks

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"hotelbooking/booking"
)

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	t.Parallel()
	for what, addresses := range map[string]string{
		"loopback":             "127.0.0.1 127.255.255.254 ::1",
		"unspecified":          "0.0.0.0 0.1.2.3 ::",
		"private":              "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 fc00::1 fd12:3456::1 fec0::1",
		"link-local":           "169.254.0.1 fe80::1 fe80::1%eth0",
		"metadata":             "169.254.169.254 fd00:ec2::254 100.100.100.200 192.0.0.192 168.63.129.16",
		"shared":               "100.64.0.1 100.127.255.255",
		"multicast, broadcast": "224.0.0.1 239.255.255.255 ff02::1 255.255.255.255 240.0.0.1",
		"mapped":               "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1",
		"NAT64":                "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1",
		"6to4, Teredo":         "2002:7f00:1::1 2002:a00:1:: 2001:0:7f00:1::1",
		"documentation":        "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1",
		"benchmarks":           "198.18.0.1 198.19.255.255 2001:2::1",
	} {
		for _, address := range strings.Fields(addresses) {
			require.ErrorIs(t, public(netip.MustParseAddr(address)), errNotPublic, "%s: %s", what, address)
			require.ErrorIs(t, control(public)(networkOf(address), net.JoinHostPort(address, "443"), nil), errNotPublic, "%s: %s", what, address)
		}
	}
	for _, address := range []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"} {
		require.NoError(t, public(netip.MustParseAddr(address)), address)
		require.NoError(t, control(public)(networkOf(address), net.JoinHostPort(address, "8443"), nil), address)
	}
	require.Error(t, control(public)("udp4", "8.8.8.8:443", nil))
	require.Error(t, control(public)("unix", "/run/docker.sock", nil))
}

func TestAnEndpointOfOnesOwnNetworkIsNotAMachinesOwnSecrets(t *testing.T) {
	t.Parallel()
	encrypted, plain := Endpoint{URL: "https://shop.internal", AllowPrivate: true}.allowed(), Endpoint{URL: "HTTP://localhost", AllowPrivate: true}.allowed()
	for _, address := range strings.Fields("127.0.0.1 ::1 10.0.0.1 172.16.0.1 192.168.1.1 fd12:3456::1 8.8.8.8") {
		require.NoError(t, encrypted(netip.MustParseAddr(address)), address)
	}
	for _, address := range strings.Fields("169.254.169.254 fd00:ec2::254 fd20:ce::254 168.63.129.16 100.100.100.200 fe80::1 0.0.0.0 :: 224.0.0.1 255.255.255.255 64:ff9b::a00:1") {
		require.ErrorIs(t, encrypted(netip.MustParseAddr(address)), errNotPublic, address)
		require.ErrorIs(t, plain(netip.MustParseAddr(address)), errNotPublic, address)
	}
	require.NoError(t, plain(netip.MustParseAddr("127.0.0.1")))
	for _, address := range strings.Fields("10.0.0.1 fd12:3456::1 8.8.8.8") {
		require.ErrorIs(t, plain(netip.MustParseAddr(address)), errNotPublic, "%s: nothing leaves the machine without TLS", address)
	}
}

func networkOf(address string) string {
	if netip.MustParseAddr(address).Is4() {
		return "tcp4"
	}
	return "tcp6"
}

// counting is a listener on loopback that counts who comes.
func counting(t *testing.T) (port string, came *atomic.Int32) {
	t.Helper()
	came = new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			came.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return port, came
}

// resolver says that every name is 127.0.0.1, by DNS, as whoever owns a name can.
func resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := loopbackAnswer(buffer[:n]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-answered })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func loopbackAnswer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Header.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	packed, _ := m.Pack()
	return packed
}

var quick = Config{PerEndpoint: 2, Timeout: 10 * time.Second, RetryFor: time.Hour, BackoffBase: time.Millisecond, BackoffCap: time.Minute, Keep: time.Hour, Poll: 5 * time.Millisecond}

// tried is what one try to an address comes to, past all that is checked before.
func tried(t *testing.T, address string, allow func(netip.Addr) error) answer {
	t.Helper()
	signer, err := newSigner([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	require.NoError(t, err)
	e := &endpoint{Endpoint: Endpoint{URL: address}, signer: signer, transport: newTransport(allow, quick, resolver(t))}
	defer e.transport.CloseIdleConnections()
	return e.post(t.Context(), booking.Delivery{Event: "e", Body: "{}"}, quick.Timeout, time.Now)
}

func TestNoWayOfWritingAnInnerAddressReachesIt(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost", "LOCALHOST", "[::1]", "[::]", "0.0.0.0", "0",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "rebinding.example", "127.0.0.1.nip.example", "①②⑦.⓪.⓪.①",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			port, came := counting(t)
			a := tried(t, "http://"+host+":"+port+"/", public)
			require.False(t, a.taken)
			require.Contains(t, []string{"address_not_public", "name_not_found", "bad_address", "not_reachable"}, a.fault)
			require.Zero(t, came.Load(), "somebody was there")
		})
	}
	for _, host := range []string{"127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "10.0.0.1", "rebinding.example", "localhost"} {
		require.Equal(t, "address_not_public", tried(t, "http://"+host+":443/latest/meta-data/", public).fault, host)
	}
	port, came := counting(t)
	require.True(t, tried(t, "http://rebinding.example:"+port+"/", loopback).taken, "it is the guard that keeps the others out")
	require.EqualValues(t, 1, came.Load())
}

func TestARedirectIsNeverFollowed(t *testing.T) {
	t.Parallel()
	port, came := counting(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:"+port+"/", status))
		t.Cleanup(server.Close)
		a := tried(t, server.URL, loopback)
		require.Equal(t, []any{false, "redirect", status}, []any{a.taken, a.fault, a.status})
	}
	require.Zero(t, came.Load())
}

func TestNoProxyOfTheEnvironmentDialsForUs(t *testing.T) {
	port, came := counting(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+port)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:"+port)
	require.Nil(t, newTransport(public, quick, nil).Proxy)
	require.Equal(t, "address_not_public", tried(t, "http://rebinding.example/", public).fault)
	require.Zero(t, came.Load())
}

func TestAnEndpointMustBePublicAndEncryptedUnlessItIsSaidToBePrivate(t *testing.T) {
	t.Parallel()
	for address, private := range map[string]bool{
		"https://shop.example/hooks?tenant=1": false, "https://shop.example:8443": false, "https://8.8.8.8/": false, "https://[2606:4700:4700::1111]/": false,
		"http://127.0.0.1:8080/": true, "https://shop.internal/": true, "http://[::1]/": true, "http://localhost:8080/hooks": true, "https://10.0.0.1/": true,
	} {
		require.NoError(t, errors.Join(Endpoint{URL: address, AllowPrivate: private}.Problems()...), address)
	}
	for _, address := range []string{
		"", "shop.example", "/hooks", "ftp://shop.example", "http://shop.example/canary", "https://", "https://user:canary@shop.example/", "https://canary@shop.example/", "https://shop.example/#canary",
		"https://127.0.0.1/canary", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://0x7f.1/", "https://10.0.0.1./",
		"https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://169.254.169.254/latest", "https://[fe80::1%25eth0]/", "https://168.63.129.16/",
		"file:///etc/passwd", "gopher://shop.example/", "unix:///run/docker.sock", "https://shop.example\n/",
	} {
		err := errors.Join(Endpoint{URL: address}.Problems()...)
		require.ErrorContains(t, err, "url: ", address)
		require.NotContains(t, err.Error(), "canary")
	}
	for _, address := range []string{"http://user:canary@127.0.0.1/", "ftp://127.0.0.1/", "http://10.0.0.1/", "http://shop.internal/", "https://169.254.169.254/", "https://2130706433/"} {
		require.Error(t, errors.Join(Endpoint{URL: address, AllowPrivate: true}.Problems()...))
	}
	u, err := url.Parse("https://shop.example")
	require.NoError(t, err)
	require.False(t, numeric(u.Hostname()))
	require.ErrorContains(t, errors.Join(Endpoint{URL: "https://shop.example", Types: []string{"booking.["}}.Problems()...), "types: ")
}
