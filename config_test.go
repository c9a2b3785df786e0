package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"
)

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	require.NoError(t, DefaultConfig().Validate())
}

func TestConfigFileHoldsEachDefaultWithAComment(t *testing.T) {
	t.Parallel()
	cfg, err := load("config.yaml", nil, nil)
	require.NoError(t, err)
	require.Equal(t, DefaultConfig(), cfg)

	text, err := os.ReadFile("config.yaml")
	require.NoError(t, err)
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &document))
	var inFile []string
	walk(t, "", document.Content[0], func(path string, commented bool) {
		inFile = append(inFile, path)
		require.True(t, commented, "%s has no comment", path)
	})
	var known []string
	for _, s := range settings(&cfg) {
		known = append(known, s.path)
	}
	require.Equal(t, known, inFile, "every key, in the order of the structs")
}

// walk visits the keys of a YAML mapping that hold a value.
func walk(t *testing.T, path string, mapping *yaml.Node, visit func(path string, commented bool)) {
	t.Helper()
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if value.Kind == yaml.MappingNode {
			walk(t, path+key.Value+".", value, visit)
		} else {
			visit(path+key.Value, key.HeadComment+value.LineComment != "")
		}
	}
}

func TestEachLayerWinsOverTheOneBelow(t *testing.T) {
	t.Parallel()
	path := write(t, 0o644, "http:\n  addr: 127.0.0.1:1\n  idle_timeout: 90s\nadmin:\n  addr: 127.0.0.1:2\nworkers:\n  pools:\n    fraud: 7\n")
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddConfigFlags(flags)
	flags.String("config", "", "not a setting")
	require.NoError(t, flags.Parse([]string{"--config=x", "--http.addr=127.0.0.1:3", "--workers.pools.payment", "9"}))

	cfg, err := load(path, []string{"PATH=/bin", "BOOKING_HTTP__ADDR=127.0.0.1:4", "BOOKING_ADMIN__ADDR=127.0.0.1:5",
		"BOOKING_WORKERS__POOLS__PROVIDER=8", "BOOKING_SANDBOX__LATENCY=0.5"}, flags)
	require.NoError(t, err)
	want := DefaultConfig()
	want.HTTP.Addr = "127.0.0.1:3"
	want.HTTP.IdleTimeout = 90 * time.Second
	want.Admin.Addr = "127.0.0.1:5"
	want.Workers.Pools.Fraud, want.Workers.Pools.Provider, want.Workers.Pools.Payment = 7, 8, 9
	want.Sandbox.Latency = 0.5
	require.Equal(t, want, cfg)
}

func TestEachSettingHasAVariable(t *testing.T) {
	t.Parallel()
	before := DefaultConfig()
	values := map[reflect.Type]string{
		reflect.TypeFor[time.Duration](): "17s", reflect.TypeFor[int](): "17", reflect.TypeFor[float64](): "1.7",
		reflect.TypeFor[string](): "text", reflect.TypeFor[Secret](): "text", reflect.TypeFor[[]string](): "a,b",
		reflect.TypeFor[[]APIKey](): "[{name: a}]", reflect.TypeFor[[]WebhookEndpoint](): "[{name: a}]",
	}
	for i, s := range settings(&before) {
		name := "BOOKING_" + strings.ToUpper(strings.ReplaceAll(s.path, ".", "__"))
		if yes, is := s.value.Interface().(bool); is {
			values[s.value.Type()] = strconv.FormatBool(!yes)
		}
		after, _ := load("config.yaml", []string{name + "=" + values[s.value.Type()]}, nil) // not each value is valid
		require.NotEqual(t, s.value.Interface(), settings(&after)[i].value.Interface(), name)
	}
}

func TestListsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	cfg, err := load("config.yaml", []string{
		"BOOKING_HTTP__TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1",
		"BOOKING_AUTH__KEYS=[{name: web, scope: bookings, hash: " + hash + "}, {name: ana, scope: support, role: agent, hash: " + hash + "}]",
	}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.0/8", "192.0.2.1"}, cfg.HTTP.TrustedProxies)
	require.Equal(t, []APIKey{{Name: "web", Scope: "bookings", Hash: hash}, {Name: "ana", Scope: "support", Role: "agent", Hash: hash}}, cfg.Auth.Keys)

	cfg, err = load("config.yaml", []string{"BOOKING_HTTP__TRUSTED_PROXIES="}, nil)
	require.NoError(t, err)
	require.Empty(t, cfg.HTTP.TrustedProxies)
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	path := write(t, 0o644, "htpp:\n  addr: x\nlog: quiet\nadmin:\nhttp:\n  read_timeout: 5\n  poll: {}\nworkers:\n  memory: many\ndata_dir:\n")
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddConfigFlags(flags)
	require.NoError(t, flags.Parse([]string{"--engine=carrier-pigeon"}))
	_, err := load(path, []string{"BOOKING_HTTP__ADR=1", "BOOKING_DATA_DIR_FILE=/x", "BOOKING_WORKERS__LEASE=1s", "BOOKING_DATABASE__URL=mysql://u:pw@h/d"}, flags)
	require.Equal(t, []string{
		path + ": data_dir: has no value",
		path + ": htpp.addr: there is no such key",
		path + ": http.read_timeout: want a time with its unit, such as 500ms, 15s or 10m",
		path + ": log: is a section: its keys stand below it, indented",
		path + ": workers.memory: want a whole number",
		"BOOKING_DATA_DIR_FILE: there is no such setting",
		"BOOKING_HTTP__ADR: there is no such setting",
		`engine: "carrier-pigeon" is not known: use inprocess, jetstream`,
		"database.url: want postgres://user:password@host:5432/name, or nothing for SQLite in data_dir",
		"workers.lease: use more than workers.poll (1s): what is due again before the next poll stays leased",
	}, lines(err))
}

func TestImpossibleValuesAreRefused(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"BOOKING_HTTP__ADDR=8080":                               "http.addr",
		"BOOKING_HTTP__ADDR=127.0.0.1:8081":                     "admin.addr",
		"BOOKING_HTTP__TRUSTED_PROXIES=everybody":               "http.trusted_proxies",
		"BOOKING_HTTP__ALLOWED_ORIGINS=https://shop/x":          "http.allowed_origins",
		"BOOKING_HTTP__POLL__MAX_WAIT=10m":                      "http.poll.max_wait",
		"BOOKING_HTTP__RATE__PER_KEY=-1":                        "http.rate.per_key",
		"BOOKING_HTTP__RATE__KEY_BURST=0":                       "http.rate.key_burst",
		"BOOKING_DATA_DIR=":                                     "data_dir",
		"BOOKING_DATABASE__FLUSHERS=9":                          "database.flushers",
		"BOOKING_LOG__LEVEL=loud":                               "log.level",
		"BOOKING_TRACING__ENDPOINT=collector:4318":              "tracing.endpoint",
		"BOOKING_TRACING__ENDPOINT=http://u:canary@collector":   "tracing.endpoint",
		"BOOKING_TRACING__HEADERS=canary":                       "tracing.headers",
		"BOOKING_TRACING__HEADERS=a=canary%0Ab":                 "tracing.headers",
		"BOOKING_TRACING__HEADERS=a b=canary":                   "tracing.headers",
		"BOOKING_TRACING__SAMPLE=1.1":                           "tracing.sample",
		"BOOKING_TRACING__SAMPLE=NaN":                           "tracing.sample",
		"BOOKING_TRACING__FOLLOW_CALLERS=maybe":                 "BOOKING_TRACING__FOLLOW_CALLERS",
		"BOOKING_TRACING__TIMEOUT=0s":                           "tracing.timeout",
		"BOOKING_AUTH__KEYS=[{name: a, scope: root, hash: ab}]": "auth.keys[0]",
		"BOOKING_SECRETS__PEOPLE_KEY=c2hvcnQ=":                  "secrets.people_key",
		"BOOKING_CHECKOUT__KEY=bk_publishable_unknown":          "checkout.key",
		"BOOKING_CONSOLE__SESSION=0s":                           "console.session",
		"BOOKING_CONSOLE__SESSION=-8h":                          "console.session",
		"BOOKING_CONSOLE__OIDC__CLIENT_ID=booking":              "console.oidc.issuer",
		"BOOKING_CONSOLE__OIDC__CLIENT_SECRET=canary":           "console.oidc.issuer",
		"BOOKING_CONSOLE__OIDC__SUPERVISORS=everybody":          "console.oidc.issuer",
		"BOOKING_FLOW__BACKOFF_CAP=1ms":                         "flow.backoff_cap",
		"BOOKING_CONSOLE__OIDC__CLIENT_ID=desk":                 "console.oidc.issuer",
		"BOOKING_WORKERS__POOLS__FRAUD=0":                       "workers.pools.fraud",
		"BOOKING_WORKERS__BREAKER__FAILURES=101":                "workers.breaker.failures",
		"BOOKING_ADMISSION__MAX_BACKLOG=0":                      "admission.max_backlog",
		"BOOKING_SHUTDOWN__GRACE=-1s":                           "shutdown.grace",
		"BOOKING_PROVIDERS__HOTEL__VENDOR=nobody":               "providers.hotel.vendor",
		"BOOKING_SANDBOX__URL=localhost:8082":                   "sandbox.url",
		"BOOKING_SANDBOX__LATENCY=NaN":                          "sandbox.latency",
	} {
		_, err := load("config.yaml", []string{variable}, nil)
		require.ErrorContains(t, err, want+": ", variable)
		require.NotContains(t, err.Error(), "canary", "an error may be shown to anybody")
	}
}

func TestTheHeadersOfTracesAreSecret(t *testing.T) {
	t.Parallel()
	secret := write(t, 0o600, "authorization=Bearer%20a%2Cb, x-team = c=d ,\n")
	headers := "BOOKING_TRACING__HEADERS_FILE=" + secret
	cfg, err := load("config.yaml", []string{"BOOKING_TRACING__ENDPOINT=https://traces.example.com/v1/traces", headers}, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"authorization": "Bearer a,b", "x-team": "c=d"}, tracingConfig(cfg, "boot").Headers)
	require.NotContains(t, fmt.Sprintf("%+v", cfg), "Bearer")

	_, err = load("config.yaml", []string{"BOOKING_TRACING__ENDPOINT=http://127.0.0.1:4318", headers}, nil)
	require.NoError(t, err)
	_, err = load("config.yaml", []string{"BOOKING_TRACING__ENDPOINT=http://collector:4318", headers}, nil)
	require.ErrorContains(t, err, "tracing.endpoint: ", "others on the way would read them")
	_, err = load("config.yaml", []string{"BOOKING_TRACING__ENDPOINT=http://collector:4318"}, nil)
	require.NoError(t, err)
}

func TestAnIdentityProviderIsNamedAsAWhole(t *testing.T) {
	t.Parallel()
	secret := write(t, 0o600, "the secret\n")
	whole := []string{
		"BOOKING_CONSOLE__OIDC__ISSUER=https://login.example.com", "BOOKING_CONSOLE__OIDC__CLIENT_ID=desk",
		"BOOKING_CONSOLE__OIDC__CLIENT_SECRET_FILE=" + secret, "BOOKING_CONSOLE__OIDC__AGENTS=support, night-desk",
		"BOOKING_CONSOLE__OIDC__REDIRECT_URL=https://bookings.example.com/support/oidc/callback",
	}
	cfg, err := load("config.yaml", whole, nil)
	require.NoError(t, err)
	oidc := webConfig(cfg, keys{}, nil).OIDC
	require.Equal(t, "the secret", oidc.ClientSecret)
	require.Equal(t, []string{"support", "night-desk"}, oidc.Agents)
	require.Equal(t, []string{"openid", "profile", "email"}, oidc.Scopes)

	_, err = load("config.yaml", []string{
		"BOOKING_CONSOLE__OIDC__ISSUER=http://login.example.com", "BOOKING_CONSOLE__OIDC__REDIRECT_URL=https://bookings.example.com/",
		"BOOKING_CONSOLE__OIDC__SCOPES=email", "BOOKING_CONSOLE__OIDC__NAME=", "BOOKING_CONSOLE__OIDC__ROLE_CLAIM=",
	}, nil)
	for _, wrong := range []string{"issuer", "client_id", "redirect_url", "scopes", "name", "role_claim", "viewers"} {
		require.ErrorContains(t, err, "console.oidc."+wrong+": ")
	}
}

func TestThePageMayOnlyCarryAKeyThatMayBePublished(t *testing.T) {
	t.Parallel()
	const key = "bk_anything"
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
	for keys, published := range map[string]bool{
		"[{name: page, scope: publishable, hash: " + hash + "}]":                                                                       true,
		"[{name: page, scope: publishable, hash: " + strings.ToUpper(hash) + "}]":                                                      true,
		"[{name: web, scope: bookings, hash: " + hash + "}]":                                                                           false,
		"[{name: sue, scope: support, role: supervisor, hash: " + hash + "}]":                                                          false,
		"[{name: page, scope: publishable, hash: " + strings.Repeat("ab", 32) + "}]":                                                   false,
		"[{name: web, scope: bookings, hash: " + hash + "}, {name: page, scope: publishable, hash: " + strings.Repeat("ab", 32) + "}]": false,
		"[]": false,
	} {
		_, err := load("config.yaml", []string{"BOOKING_CHECKOUT__KEY=" + key, "BOOKING_AUTH__KEYS=" + keys}, nil)
		if published {
			require.NoError(t, err, keys)
			continue
		}
		require.EqualError(t, err, "checkout.key: auth.keys has no key of scope publishable with its hash", keys)
	}
	_, err := load("config.yaml", []string{"BOOKING_AUTH__KEYS=[{name: page, scope: publishable, role: agent, hash: " + hash + "}]"}, nil)
	require.ErrorContains(t, err, "only scope support has roles")
}

func TestEachPartOfAnIdentityProviderIsChecked(t *testing.T) {
	t.Parallel()
	whole := map[string]string{
		"ISSUER": "https://login.example.com", "CLIENT_ID": "booking", "CLIENT_SECRET": "canary", "NAME": "the company",
		"REDIRECT_URL": "https://booking.example.com/support/oidc/callback", "SCOPES": "openid,email", "ROLE_CLAIM": "groups", "VIEWERS": "", "AGENTS": "desk", "SUPERVISORS": "leads",
	}
	with := func(name, value string) error {
		var environ []string
		for key, configured := range whole {
			if key == name {
				configured = value
			}
			environ = append(environ, "BOOKING_CONSOLE__OIDC__"+key+"="+configured)
		}
		_, err := load("config.yaml", environ, nil)
		return err
	}
	require.NoError(t, with("", ""))
	for _, good := range [][2]string{
		{"CLIENT_SECRET", ""}, {"AGENTS", ""}, {"ISSUER", "https://login.example.com/realms/staff/"}, {"ISSUER", "http://localhost:9000"}, {"ISSUER", "http://[::1]:9000"},
		{"REDIRECT_URL", "http://127.0.0.1:8080/support/oidc/callback"},
	} {
		require.NoError(t, with(good[0], good[1]), "%v", good)
	}
	for _, bad := range [][2]string{
		{"ISSUER", ""}, {"ISSUER", "login.example.com"}, {"ISSUER", "http://login.example.com"}, {"ISSUER", "http://localhost.example.com"}, {"ISSUER", "https://user:pass@login.example.com"},
		{"ISSUER", "https://login.example.com?tenant=x"}, {"ISSUER", "https://login.example.com#x"}, {"ISSUER", "file:///etc/passwd"}, {"ISSUER", "https://"},
		{"CLIENT_ID", ""}, {"NAME", ""}, {"REDIRECT_URL", ""}, {"REDIRECT_URL", "https://booking.example.com/elsewhere"},
		{"REDIRECT_URL", "http://booking.example.com/support/oidc/callback"}, {"REDIRECT_URL", "/support/oidc/callback"}, {"SCOPES", "email"}, {"ROLE_CLAIM", ""},
	} {
		err := with(bad[0], bad[1])
		require.ErrorContains(t, err, "console.oidc.", "%v", bad)
		require.NotContains(t, err.Error(), "canary")
	}
	whole["AGENTS"], whole["SUPERVISORS"] = "", ""
	require.ErrorContains(t, with("", ""), "console.oidc.viewers: ", "nobody could sign in")
}

func TestTheDatabasesAddressMayNameAPrimaryAndItsStandby(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://user:password@one:5432,other:5432/name?target_session_attrs=read-write",
		"postgres://user@/name?host=/run/one,/run/other&port=5432,5432&target_session_attrs=read-write",
	} {
		cfg, err := load("config.yaml", []string{"BOOKING_DATABASE__URL=" + address}, nil)
		require.NoError(t, err)
		require.Equal(t, address, cfg.Database.URL.Reveal())
	}
}

func TestSecretsComeFromFilesThatOthersCannotRead(t *testing.T) {
	t.Parallel()
	const url = "postgres://booking:canary@db/booking"
	closed, open := write(t, 0o600, url+"\n"), write(t, 0o644, url+"\n")

	cfg, err := load("config.yaml", []string{"BOOKING_DATABASE__URL_FILE=" + closed}, nil)
	require.NoError(t, err)
	require.Equal(t, url, cfg.Database.URL.Reveal())

	_, err = load("config.yaml", []string{"BOOKING_DATABASE__URL_FILE=" + open}, nil)
	require.EqualError(t, err, "BOOKING_DATABASE__URL_FILE: everybody can read "+open+": chmod o-r it")
	_, err = load("config.yaml", []string{"BOOKING_DATABASE__URL_FILE=" + closed, "BOOKING_DATABASE__URL=" + url}, nil)
	require.EqualError(t, err, "BOOKING_DATABASE__URL_FILE: BOOKING_DATABASE__URL is set too: use one of them")
	_, err = load("config.yaml", []string{"BOOKING_DATABASE__URL_FILE=" + closed + ".gone"}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Database.URL, cfg.Secrets.PeopleKey, cfg.Console.OIDC.ClientSecret = "canary-url %%", "canary-key", "canary-client"
	encoded, err := json.Marshal(cfg)
	require.NoError(t, err)
	written, err := yaml.Marshal(cfg)
	require.NoError(t, err)
	core, logs := observer.New(zap.DebugLevel)
	zap.New(core).Info("x", zap.Any("config", cfg), zap.Any("secret", cfg.Database.URL), zap.Stringer("secret", cfg.Database.URL))
	var slogged strings.Builder
	slog.New(slog.NewTextHandler(&slogged, nil)).Info("x", "config", cfg, "secret", cfg.Database.URL)
	invalid := cfg.Validate()

	said := []string{string(encoded), string(written), slogged.String(), fmt.Sprint(invalid)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		said = append(said, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, &cfg), fmt.Sprintf(verb, cfg.Database.URL))
	}
	for _, field := range logs.All()[0].ContextMap() {
		said = append(said, fmt.Sprint(field))
	}
	for _, text := range said {
		require.NotContains(t, text, "canary")
		require.NotContains(t, text, fmt.Sprintf("%x", "canary"))
	}
	require.Contains(t, string(encoded), redacted)
}

func TestVariablesOfAServiceLinkAreNotSettings(t *testing.T) {
	t.Parallel()
	_, err := load("config.yaml", []string{"BOOKING_SERVICE_HOST=10.0.0.1", "BOOKING_SERVICE_PORT=80", "BOOKING_SERVICE_PORT_HTTP=80",
		"BOOKING_PORT=tcp://10.0.0.1:80", "BOOKING_PORT_80_TCP_ADDR=10.0.0.1"}, nil)
	require.NoError(t, err)
}

func TestOnlyTheDefaultConfigFileMayBeMissing(t *testing.T) {
	t.Parallel()
	_, err := load(filepath.Join(t.TempDir(), "config.yaml"), nil, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = load(write(t, 0o644, "http: [\n"), nil, nil)
	require.ErrorContains(t, err, "yaml: ")
}

func TestNoConfigFileMeansDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, err := Load("", nil)
	require.NoError(t, err)
	require.Equal(t, DefaultConfig(), cfg)
}

func write(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode), "whatever the umask is")
	return path
}

func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
