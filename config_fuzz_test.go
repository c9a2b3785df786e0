package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Any file and any environment is a configuration that validates, or a list of all that is wrong with it. Secrets are not in the
// list.
func FuzzConfig(f *testing.F) {
	f.Add("http:\n  addr: 127.0.0.1:0\n", "HTTP__ADDR", "127.0.0.1:8080")
	f.Add("htpp:\n  addr: x\nworkers: {memory: many}\nlog: loud\n", "WORKERS__LEASE", "1s")
	f.Add("auth:\n  keys:\n  - {name: a, scope: root, hash: ab}\n", "AUTH__KEYS", "[{name: a, scope: support, role: viewer}]")
	f.Add("a: &a [*a]\n", "HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1")
	f.Add("? [1, 2]\n: 3\n1: {2: 3}\n~: ~\n", "", "")
	f.Add("http.addr: x\n\"http.addr\": y\n", "DATABASE__URL_FILE", "/dev/null")
	f.Add("data_dir: !!binary aGVsbG8=\nsandbox: {latency: .nan, seed: 0x10}\n", "SANDBOX__LATENCY", "Inf")
	f.Add("database: {url: 'postgres://u:p@h/d', timeout: 9999999999999h}\n", "SECRETS__PEOPLE_KEY", "'")
	f.Add("---\na: 1\n---\nb: 2\n", "HTTP", "x")
	f.Add("checkout: {key: bk_publishable_x}\nconsole: {session: -1h}\n", "CHECKOUT__KEY", "bk_support_x")
	f.Add("console:\n  oidc: {issuer: 'http://login.example', scopes: [email], supervisors: ['']}\n", "CONSOLE__OIDC__REDIRECT_URL", "https://h/support/oidc/callback")
	f.Add("console: {oidc: x}\n", "CONSOLE__OIDC__AGENTS", "a, ,b")
	f.Add("\xff\xfe\x00", "__", "=")
	f.Fuzz(func(t *testing.T, file, name, value string) {
		path := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
		if strings.HasSuffix(strings.ToLower(name), fileSuffix) && value != os.DevNull || strings.Contains(file+name, fuzzCanary) {
			return // it would read a file of this machine; or a secret would be a key's name, which is none
		}
		environ := []string{
			envPrefix + name + "=" + value,
			envPrefix + "SECRETS__CLIENT_SECRET_KEY=" + fuzzCanary, envPrefix + "PROVIDERS__PAYMENT__WEBHOOK_SECRET=" + fuzzCanary,
			envPrefix + "CONSOLE__OIDC__CLIENT_SECRET=" + fuzzCanary,
			envPrefix + "DATABASE__URL=mysql://" + fuzzCanary + "%zz" + value,
		}
		_, err := load(path, environ, nil)
		require.Error(t, err, "the database's address is none")
		require.NotContains(t, err.Error(), fuzzCanary)
		require.ErrorContains(t, err, "database.url: ")

		cfg, err := load(path, environ[:1], nil)
		if err == nil {
			require.NoError(t, cfg.Validate())
			again, err := load(path, environ[:1], nil)
			require.NoError(t, err)
			require.Equal(t, cfg, again)
			return
		}
		_, alone := load(path, nil, nil)
		for _, line := range lines(alone) {
			if strings.HasPrefix(line, path+": ") {
				require.Contains(t, lines(err), line, "another problem hides none")
			}
		}
	})
}

const fuzzCanary = "CANARY-d41d8cd98f"
