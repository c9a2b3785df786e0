package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
)

// innerAddresses are ways to write an address that no stranger's endpoint has, and that is not to be reached by way of us.
const innerAddresses = "127.0.0.1 127.1 0x7f.1 0177.0.0.1 2130706433 0.0.0.0 10.0.0.1 172.16.0.1 192.168.0.1 100.64.0.1 169.254.169.254 168.63.129.16 224.0.0.1 " +
	"[::1] [::] [::ffff:127.0.0.1] [fd00::1] [fe80::1] [ff02::1] [64:ff9b::7f00:1] [2002:7f00:1::1]"

// webhooksStayOutside: an endpoint's owner says a name, an answer and a place to go on to, and learns nothing of our network.
func webhooksStayOutside(g *guard, databaseURL string) {
	for _, host := range strings.Fields(innerAddresses) {
		cfg := quick(g.T, "")
		cfg.Webhooks.Endpoints = []WebhookEndpoint{{Name: "inside", URL: Secret("https://" + host + "/canary"), Secrets: []Secret{webhookSecret}}}
		err := cfg.Validate()
		g.holds(err != nil, host)
		g.has(host, err.Error(), "webhooks.endpoints[0]: url: ")
		g.lacks(host, err.Error(), "canary", host)
	}

	var reached atomic.Int64
	inner := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("canaryinside")) }))
	inner.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			reached.Add(1)
		}
	}
	inner.Start()
	g.Cleanup(inner.Close)
	at, err := url.Parse(inner.URL)
	require.NoError(g.T, err)
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Canary", "canaryheader")
		w.Header().Set("Location", inner.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = w.Write([]byte("canaryanswer " + r.Header.Get("webhook-signature")))
	}))
	g.Cleanup(moved.Close)
	f := fortify(g, databaseURL, func(cfg *Config) {
		cfg.Webhooks.Endpoints = []WebhookEndpoint{
			{Name: "rebound", URL: Secret("https://localhost:" + at.Port() + "/canaryinner"), Secrets: []Secret{webhookSecret}},
			{Name: "moved", URL: Secret(moved.URL + "/?token=canarytoken"), Secrets: []Secret{"whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"}, AllowPrivate: true},
		}
		cfg.Webhooks.BackoffBase, cfg.Webhooks.Poll = 50*time.Millisecond, 50*time.Millisecond
	})
	b := f.submit(order{})
	f.untilDecided(b.ID)
	never := []string{"canary", webhookSecret[len("whsec_"):], ":" + at.Port(), strings.TrimPrefix(moved.URL, "http://"), "v1,"}
	for endpoint, fault := range map[string]string{"rebound": "address_not_public", "moved": "redirect"} {
		var seen answer
		require.Eventually(g.T, func() bool {
			seen = f.call("GET", "/v1/support/webhooks/deliveries?limit=4&state=due&endpoint="+endpoint+"&booking="+b.ID, f.keys["vera"], "").is(http.StatusOK)
			return strings.Contains(string(seen.body), `"last_error":"`+fault+`"`) && strings.Contains(string(seen.body), "next_cursor")
		}, time.Minute, 20*time.Millisecond, endpoint)
		fields := "attempts booking_id due_at endpoint event_id id last_error since state type version"
		if endpoint == "moved" {
			fields += " last_status"
		}
		g.equal(fieldSet("deliveries next_cursor", below("deliveries[].", fields)), fieldSet(fieldsOf(f, seen.body)), "what viewers see of deliveries to %s", endpoint)
		g.lacks("deliveries", string(seen.body), never...)
	}
	list := f.call("GET", "/v1/support/webhooks", f.keys["vera"], "").is(http.StatusOK)
	g.equal(fieldSet("endpoints", below("endpoints[].", "dead due failing lag_seconds name paused types")), fieldSet(fieldsOf(f, list.body)), "what viewers see of endpoints")
	g.lacks("endpoints", string(list.body), never...)
	g.equal(int64(0), reached.Load(), "somebody came in by way of us")
	f.stop()
	g.has("the log", f.log.String(), "address_not_public", "redirect")
	g.lacks("the log", f.log.String(), never...)
}
