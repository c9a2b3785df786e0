package main

import (
	"hotelbooking/booking/web"
	"hotelbooking/providers/sandbox"
	"hotelbooking/store"
	"hotelbooking/tracing"
	"hotelbooking/workers"
)

// What each package is configured with, from the one tree that operators see.

func storeConfig(cfg Config, k keys) store.Config {
	return store.Config{
		URL: cfg.Database.URL.Reveal(), Dir: cfg.DataDir, Keys: k.people,
		MaxConns: cfg.Database.MaxConns, Listen: cfg.listens(), Flushers: cfg.Database.Flushers,
		Timeout: cfg.Database.Timeout, CommitTimeout: cfg.Database.CommitTimeout,
		BacklogCap:  cfg.Admission.MaxBacklog, // more than that it need not know
		Subscribers: cfg.subscribers(),
	}
}

func tracingConfig(cfg Config, process string) tracing.Config {
	t := cfg.Tracing
	headers, _ := t.headers() // Validate has read them
	return tracing.Config{
		Endpoint: t.Endpoint, Headers: headers, Sample: t.Sample, FollowCallers: t.FollowCallers, Timeout: t.Timeout,
		Process: process, Version: version(),
	}
}

func workersConfig(cfg Config) workers.Config {
	w := cfg.Workers
	return workers.Config{
		Works: cfg.works(), Governed: cfg.governed(), Pools: workers.Slots(w.Pools), PerSupplier: w.PerSupplier, Deadlines: workers.Deadlines(w.Deadlines),
		Lease: w.Lease, Poll: w.Poll, Memory: w.Memory, SaveTimeout: w.SaveTimeout, Grace: cfg.Shutdown.Grace, NoticeFor: w.NoticeFor,
		Admission: workers.Admission(cfg.Admission), Breaker: workers.Breaker(w.Breaker),
	}
}

func webConfig(cfg Config, k keys, suppliers []string) web.Config {
	h, c := cfg.HTTP, web.DefaultConfig()
	c.Keys, c.SecretKey = k.api, k.client
	c.TrustedProxies, c.AllowedOrigins = prefixes(h.TrustedProxies), h.AllowedOrigins
	c.Suppliers = suppliers
	c.CheckoutKey, c.SessionLasts = k.checkout, cfg.Console.Session
	c.OIDC = oidcConfig(cfg.Console.OIDC)
	c.KeyRate, c.KeyBurst, c.AddressRate, c.AddressBurst = h.Rate.PerKey, h.Rate.KeyBurst, h.Rate.PerAddress, h.Rate.AddressBurst
	c.ReadHeaderTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout = h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout
	c.WaitMax, c.PingEvery, c.StreamMax, c.HeldMax = h.Poll.MaxWait, h.Poll.PingEvery, h.Poll.StreamMax, h.Poll.HeldMax
	return c
}

func oidcConfig(o OIDCConfig) web.OIDC {
	return web.OIDC{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Name: o.Name, RedirectURL: o.RedirectURL,
		Scopes: o.Scopes, RoleClaim: o.RoleClaim, Viewers: o.Viewers, Agents: o.Agents, Supervisors: o.Supervisors,
	}
}

func sandboxConfig(s SandboxConfig, webhookURL, webhookSecret string) sandbox.Config {
	cfg := sandbox.DefaultConfig()
	for system, latency := range cfg.Latency {
		cfg.Latency[system] = sandbox.Latency{P50: int(float64(latency.P50) * s.Latency), P99: int(float64(latency.P99) * s.Latency)}
	}
	cfg.Journal, cfg.Seed = s.Journal, uint64(max(0, s.Seed))
	cfg.WebhookURL, cfg.WebhookSecret = webhookURL, webhookSecret
	return cfg
}
