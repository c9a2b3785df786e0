package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// addressHeaders are all in which some proxy somewhere tells who called.
var addressHeaders = []string{
	"X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Cluster-Client-Ip", "Fastly-Client-Ip",
	"X-Forwarded", "X-Originating-Ip", "X-Remote-Ip", "X-Remote-Addr", "Via",
}

// spoofedAddresses tries to have a pace for each made-up address.
func spoofedAddresses(g *guard) {
	const burst = 8
	f := fortify(g, "", slow(1000, burst))
	claim := func(f *fortress, header, value string) answer {
		return f.call("GET", "/v1/bookings/"+uuid.Nil.String(), "guess", "", header, value)
	}
	for i := range burst {
		g.refuses(claim(f, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)), 401, "unauthorized")
	}
	for i, header := range addressHeaders {
		for _, value := range []string{fmt.Sprintf("203.0.113.%d", i), fmt.Sprintf("for=203.0.113.%d", i), "127.0.0.1", "2001:db8::1, 10.0.0.1"} {
			g.limited(claim(f, header, value), "%s: %s", header, value)
		}
	}

	behind := fortify(g, "", slow(1000, burst), func(cfg *Config) { cfg.HTTP.TrustedProxies = []string{"127.0.0.0/8"} })
	for i := range burst {
		g.refuses(claim(behind, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d, 198.51.100.7", i)), 401, "unauthorized")
	}
	g.limited(claim(behind, "X-Forwarded-For", "192.0.2.99, 198.51.100.7"), "what the caller wrote before what the proxy saw")
	g.limited(claim(behind, "X-Forwarded-For", "192.0.2.99, 198.51.100.7, 127.0.0.9"), "by way of two proxies of ours")
	g.refuses(claim(behind, "X-Forwarded-For", "198.51.100.7, 192.0.2.1"), 401, "unauthorized", "another caller, who claims to be the first")
	for i := range burst {
		g.refuses(claim(behind, "X-Forwarded-For", []string{"nonsense", "'; --", "999.1.1.1", "1.2.3.4:80 x", "", "-", "unknown", "_hidden"}[i]), 401, "unauthorized", "what is no address counts as the proxy")
	}
	for _, header := range addressHeaders[1:] {
		g.limited(claim(behind, header, "203.0.113.77"), "%s is not what the proxy speaks", header)
	}
}

// spoofedHosts tries to have links, pages or figures name another host.
func spoofedHosts(g *guard) {
	f := fortify(g, "")
	const evil = "evil.example"
	key, body := f.keys["web"], order{}.json()
	length := fmt.Sprintf("Content-Length: %d", len(body))
	submit := func(from, to string) string {
		return strings.Replace(post("/v1/bookings", key, "Content-Type: application/json", length, "Connection: close"), from, to, 1) + body
	}
	for name, text := range map[string]string{
		"Host":                    submit("Host: booking", "Host: "+evil),
		"Host with a port":        submit("Host: booking", "Host: "+evil+":99999"),
		"an absolute address":     submit("/v1/bookings", "http://"+evil+"/v1/bookings"),
		"another scheme":          submit("/v1/bookings", "ftp://"+evil+"/v1/bookings"),
		"X-Forwarded-Host":        submit("Host: booking", "Host: booking\r\nX-Forwarded-Host: "+evil+"\r\nX-Forwarded-Proto: gopher\r\nX-Host: "+evil+"\r\nForwarded: host="+evil),
		"X-Original-URL":          submit("Host: booking", "Host: booking\r\nX-Original-Url: /v1/support/bookings\r\nX-Rewrite-Url: /metrics"),
		"X-HTTP-Method-Override":  submit("Host: booking", "Host: booking\r\nX-Http-Method-Override: DELETE"),
		"an address of two lines": submit("Host: booking", "Host: booking\r\nOrigin: https://"+evil+"\r\nReferer: https://"+evil),
	} {
		a := g.raw(f.base, text)
		g.equal(http.StatusAccepted, a.status, "%s: %s", name, a.body)
		g.equal("/v1/bookings/"+a.booking().ID, a.header.Get("Location"), "a relative address, whatever the caller calls us")
		g.lacks(name, string(a.body)+fmt.Sprint(a.header), evil, "gopher")
	}
	for name, text := range map[string]string{
		"two hosts":            submit("Host: booking", "Host: booking\r\nHost: "+evil),
		"no host":              submit("Host: booking\r\n", ""),
		"a host with a space":  submit("Host: booking", "Host: a b"),
		"a host with a slash":  submit("Host: booking", "Host: a/b@c"),
		"an address with CRLF": submit("/v1/bookings", "/v1/bookings\r\nX-Injected: 1"),
	} {
		a := g.raw(f.base, text)
		g.equal(http.StatusBadRequest, a.status, "%s: %s", name, a.body)
	}
	for _, path := range []string{"/docs", "/openapi.yaml", "/nowhere"} {
		a := g.raw(f.base, "GET "+path+" HTTP/1.1\r\nHost: "+evil+"\r\nConnection: close\r\n\r\n")
		g.lacks(path, string(a.body)+fmt.Sprint(a.header), evil)
	}
	for _, path := range []string{"//" + evil + "/..", "/v1//bookings", "/v1/bookings/../bookings", "/v1/bookings/%2e%2e/support", "/V1/bookings", "/v1/bookings;x=1", "/v1/bookings%00"} {
		a := g.raw(f.base, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+key+"\r\nConnection: close\r\n\r\n")
		g.refuses(a, 404, "not_found", "%s is no other way of writing an address: %s", path, a.body)
	}
	for i := range 200 {
		g.raw(f.base, fmt.Sprintf("CANARY%d /v1/bookings HTTP/1.1\r\nHost: canary%d.example\r\nConnection: close\r\n\r\n", i, i))
	}
	metrics := string(f.call("GET", f.admin+"/metrics", "", "").is(http.StatusOK).body)
	g.lacks("metrics", metrics, evil, "canary")
	g.has("metrics", metrics, `method="other"`)
}
