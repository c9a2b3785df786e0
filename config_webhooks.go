package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"hotelbooking/workers/webhooks"
)

// webhooksName is what the outbox calls the endpoints, all together.
const webhooksName = "webhooks"

// WebhooksConfig is who is told of events over HTTP, and how hard it is tried.
type WebhooksConfig struct {
	Endpoints   []WebhookEndpoint `koanf:"endpoints"`
	PerEndpoint int               `koanf:"per_endpoint"`
	Timeout     time.Duration     `koanf:"timeout"`
	RetryFor    time.Duration     `koanf:"retry_for"`
	BackoffBase time.Duration     `koanf:"backoff_base"`
	BackoffCap  time.Duration     `koanf:"backoff_cap"`
	Keep        time.Duration     `koanf:"keep"`
	Poll        time.Duration     `koanf:"poll"`
}

// WebhookEndpoint is one receiver. Its address is as secret as its secrets: many have a token in it.
type WebhookEndpoint struct {
	Name         string   `yaml:"name"`
	URL          Secret   `yaml:"url"`
	Secrets      []Secret `yaml:"secrets"`
	SecretsFile  string   `yaml:"secrets_file"`
	Types        []string `yaml:"types"`
	AllowPrivate bool     `yaml:"allow_private"`
}

func defaultWebhooks() WebhooksConfig {
	return WebhooksConfig{
		Endpoints: []WebhookEndpoint{}, PerEndpoint: 8, Timeout: 5 * time.Second, RetryFor: 72 * time.Hour,
		BackoffBase: 5 * time.Second, BackoffCap: time.Hour, Keep: 7 * 24 * time.Hour, Poll: time.Second,
	}
}

func (c WebhooksConfig) validate(p *problems) {
	seen, shared := map[string]bool{}, map[Secret]bool{}
	for i, e := range c.Endpoints {
		key := fmt.Sprintf("webhooks.endpoints[%d]", i)
		p.unless(keyName.MatchString(e.Name), key, "name %q: use 1 to 64 of a-z, 0-9, dot, dash and underscore", e.Name)
		p.unless(!seen[e.Name], key, "name %q is taken", e.Name)
		seen[e.Name] = true
		for _, err := range e.endpoint(nil).Problems() {
			p.unless(false, key, "%w", err)
		}
		if e.SecretsFile == "" {
			err := webhooks.ValidateSecrets(revealed(e.Secrets))
			p.unless(err == nil, key, "%w", err)
			p.unless(!slices.ContainsFunc(e.Secrets, func(s Secret) bool { return shared[s] }), key, "secrets: another endpoint has the same one, and could sign as if it were us")
			for _, s := range e.Secrets {
				shared[s] = true
			}
		} else {
			p.unless(len(e.Secrets) == 0, key, "secrets_file is set too: use it, or secrets")
		}
	}
	p.count("webhooks.per_endpoint", c.PerEndpoint, 1, 1000)
	p.unless(c.Timeout > 0 && c.Timeout <= time.Minute, "webhooks.timeout", "use more than 0s, at most 1m")
	p.positive("webhooks.retry_for", c.RetryFor)
	p.positive("webhooks.backoff_base", c.BackoffBase)
	p.unless(c.BackoffCap >= c.BackoffBase, "webhooks.backoff_cap", "use webhooks.backoff_base (%s) or more", c.BackoffBase)
	p.positive("webhooks.keep", c.Keep)
	p.positive("webhooks.poll", c.Poll)
}

func (e WebhookEndpoint) endpoint(secrets []string) webhooks.Endpoint {
	return webhooks.Endpoint{Name: e.Name, URL: e.URL.Reveal(), Types: e.Types, Secrets: secrets, AllowPrivate: e.AllowPrivate}
}

// names are those of the endpoints.
func (c WebhooksConfig) names() []string {
	names := make([]string, len(c.Endpoints))
	for i, e := range c.Endpoints {
		names[i] = e.Name
	}
	return names
}

// endpoints are they with their secrets, wherever those are.
func (c WebhooksConfig) endpoints() ([]webhooks.Endpoint, error) {
	list := make([]webhooks.Endpoint, len(c.Endpoints))
	var problems []error
	for i, e := range c.Endpoints {
		secrets, err := e.secrets()
		if err != nil {
			problems = append(problems, fmt.Errorf("webhooks.endpoints[%d]: secrets_file: %w", i, err))
		}
		list[i] = e.endpoint(secrets)
	}
	return list, errors.Join(problems...)
}

// secrets reads them, from their file if they have one: one on each line.
func (e WebhookEndpoint) secrets() ([]string, error) {
	if e.SecretsFile == "" {
		return revealed(e.Secrets), nil
	}
	if err := notForEverybody(e.SecretsFile); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(e.SecretsFile)
	return strings.Fields(string(text)), err
}

func revealed(secrets []Secret) []string {
	all := make([]string, len(secrets))
	for i, s := range secrets {
		all[i] = s.Reveal()
	}
	return all
}
