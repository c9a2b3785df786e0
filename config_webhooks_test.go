package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" //nolint:gosec // the example that Standard Webhooks publishes

func TestWebhookEndpointsAreReadFromTheFileAndTheEnvironment(t *testing.T) {
	t.Parallel()
	path := write(t, 0o600, `
webhooks:
  endpoints:
  - name: shop
    url: https://shop.example/hooks?token=canary
    secrets: [`+webhookSecret+`, whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5]
    types: ["booking.*", payment.captured]
`)
	cfg, err := load(path, nil, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"shop"}, cfg.Webhooks.names())
	list, err := cfg.Webhooks.endpoints()
	require.NoError(t, err)
	require.Equal(t, "https://shop.example/hooks?token=canary", list[0].URL)
	require.Equal(t, []string{webhookSecret, "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"}, list[0].Secrets)
	require.Equal(t, []string{"booking.*", "payment.captured"}, list[0].Types)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		said := fmt.Sprintf(verb, cfg.Webhooks)
		require.NotContains(t, said, "canary")
		require.NotContains(t, said, fmt.Sprintf("%x", "canary"))
		require.NotContains(t, said, "whsec_")
	}

	cfg, err = load(path, []string{`BOOKING_WEBHOOKS__ENDPOINTS=[{name: own, url: "http://127.0.0.1:1/", allow_private: true, secrets: [` + webhookSecret + `]}]`}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"own"}, cfg.Webhooks.names())
	require.True(t, cfg.Webhooks.Endpoints[0].AllowPrivate)
}

func TestAnEndpointsSecretsCanBeInAFileThatOthersCannotRead(t *testing.T) {
	t.Parallel()
	endpoint := func(file string) []string {
		return []string{`BOOKING_WEBHOOKS__ENDPOINTS=[{name: shop, url: "https://shop.example", secrets_file: ` + file + `}]`}
	}
	cfg, err := load("config.yaml", endpoint(write(t, 0o600, webhookSecret+"\nwhsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5\n")), nil)
	require.NoError(t, err)
	list, err := cfg.Webhooks.endpoints()
	require.NoError(t, err)
	require.Equal(t, []string{webhookSecret, "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"}, list[0].Secrets)

	cfg, err = load("config.yaml", endpoint(write(t, 0o644, webhookSecret)), nil)
	require.NoError(t, err)
	_, err = cfg.Webhooks.endpoints()
	require.ErrorContains(t, err, "webhooks.endpoints[0]: secrets_file: everybody can read")
}

func TestImpossibleWebhooksAreRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	fine := `secrets: [` + webhookSecret + `]`
	for endpoints, want := range map[string]string{
		`[{name: A, url: "https://shop.example", ` + fine + `}]`:                                                       "[0]: name",
		`[{name: a, url: "https://shop.example", ` + fine + `}, {name: a, url: "https://shop.example", ` + fine + `}]`: "[1]: name",
		`[{name: a, url: "http://shop.example/canary", ` + fine + `}]`:                                                 "[0]: url: use https",
		`[{name: a, url: "https://10.0.0.1/canary", ` + fine + `}]`:                                                    "[0]: url: the address is not a public one",
		`[{name: a, url: "https://shop.example", types: ["booking.["], ` + fine + `}]`:                                 "[0]: types: ",
		`[{name: a, url: "https://shop.example"}]`:                                                                     "[0]: secrets: are missing",
		`[{name: a, url: "https://shop.example", secrets: [canary]}]`:                                                  "[0]: secrets: want whsec_",
		`[{name: a, url: "https://shop.example", secrets_file: /x, ` + fine + `}]`:                                     "[0]: secrets_file is set too",
		`[{name: a, url: "https://shop.example", ` + fine + `}, {name: b, url: "https://b.example", ` + fine + `}]`:    "[1]: secrets: another endpoint has the same one",
		`[{name: a, uri: canary}]`: "want a list of {name, url,",
	} {
		_, err := load("config.yaml", []string{"BOOKING_WEBHOOKS__ENDPOINTS=" + endpoints}, nil)
		require.ErrorContains(t, err, want, endpoints)
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "MfKQ9r8")
	}
	for variable, want := range map[string]string{
		"PER_ENDPOINT=0": "webhooks.per_endpoint", "TIMEOUT=2m": "webhooks.timeout", "RETRY_FOR=0s": "webhooks.retry_for", "BACKOFF_BASE=0s": "webhooks.backoff_base",
		"BACKOFF_CAP=1s": "webhooks.backoff_cap", "KEEP=0s": "webhooks.keep", "POLL=0s": "webhooks.poll",
	} {
		_, err := load("config.yaml", []string{"BOOKING_WEBHOOKS__" + variable}, nil)
		require.ErrorContains(t, err, want+": ", variable)
	}
}
