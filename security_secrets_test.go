package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"hotelbooking/booking/web"
	"hotelbooking/store/storetest"
)

// secretSettings are those that can be read from a file of their own.
var secretSettings = []string{"DATABASE__URL", "SECRETS__CLIENT_SECRET_KEY", "SECRETS__PEOPLE_KEY", "SECRETS__EMAIL_INDEX_KEY", "PROVIDERS__PAYMENT__WEBHOOK_SECRET", "CONSOLE__OIDC__CLIENT_SECRET"}

// secretFiles writes a secret for each, and returns the environment that names them, as the documentation tells operators to do.
func secretFiles(g *guard, mode os.FileMode) (environ, secrets []string) {
	dir := g.TempDir()
	for i, name := range secretSettings {
		secret := base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("canary-secret-number-%d-of-32-byte", i)[:32]))
		if name == "DATABASE__URL" {
			secret = strings.Replace(storetest.PostgresSchema(g.T), "?", "?password=canarypassword&", 1)
		}
		path := filepath.Join(dir, name)
		require.NoError(g.T, os.WriteFile(path, []byte(secret+"\n"), 0o600))
		require.NoError(g.T, os.Chmod(path, mode))
		environ = append(environ, "BOOKING_"+name+"_FILE="+path)
		if name == "DATABASE__URL" {
			secret = "canarypassword"
		}
		secrets = append(secrets, secret)
	}
	return environ, secrets
}

// secretsOfTheProcess reads of a real process what others on the machine can read, and what it says and leaves.
func secretsOfTheProcess(g *guard) {
	environ, secrets := secretFiles(g, 0o600)
	environ = append(environ, "BOOKING_CONSOLE__OIDC__ISSUER=https://login.example.com", "BOOKING_CONSOLE__OIDC__CLIENT_ID=booking", // it is asked when somebody signs in
		"BOOKING_CONSOLE__OIDC__REDIRECT_URL=https://booking.example.com/support/oidc/callback", "BOOKING_CONSOLE__OIDC__AGENTS=desk")
	data := filepath.Join(g.TempDir(), "data")
	p, c := serviceProcess(g.T, data, "", append(environ, "BOOKING_LOG__LEVEL=debug", "BOOKING_SANDBOX__LATENCY=0")...)
	b := c.untilDecided(c.submit(order{}).ID)
	g.equal("confirmed", b.Status)
	secrets = append(secrets, c.bookings, c.support)
	for _, file := range []string{"cmdline", "environ", "status", "mountinfo", "maps"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
		require.NoError(g.T, err)
		g.lacks("/proc/"+file, string(content), secrets...)
	}
	for _, page := range []string{"/metrics", "/readyz", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
		g.lacks(page, string(c.call("GET", c.admin+page, "", "").is(http.StatusOK).body), secrets...)
	}
	g.equal(0, p.terminate(time.Minute))
	content, err := os.ReadFile(p.log)
	require.NoError(g.T, err)
	g.has("the log", string(content), `"msg":"turn"`, `"msg":"stopped"`)
	g.lacks("the log", string(content), secrets...)
	g.lacks("the log", string(content), "Núñez", "ana@example.com", "600000000", "pm_card")
	requireLinesOfJSON(g, string(content))

	again, _ := serviceProcess(g.T, data, "", environ...) // the keys exist: they are not shown again
	out := new(strings.Builder)
	for strings.Count(out.String(), "\ncurl ") < 2 { // with them the welcome ends
		line, err := again.stdout.ReadString('\n')
		require.NoError(g.T, err)
		out.WriteString(line)
	}
	g.equal(0, again.terminate(time.Minute))
	g.has("standard output", out.String(), "curl")
	g.lacks("standard output", out.String(), secrets...)
	modesOf(g, data)
	refusals(g, data)
}

// modesOf looks for what others may read below the data directory.
func modesOf(g *guard, data string) {
	info, err := os.Stat(data)
	require.NoError(g.T, err)
	g.equal(os.FileMode(0o700), info.Mode().Perm(), "the data directory")
	require.NoError(g.T, filepath.WalkDir(filepath.Join(data, "keys"), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(g.T, err)
		info, err := entry.Info()
		require.NoError(g.T, err)
		g.equal(os.FileMode(0), info.Mode().Perm()&0o077, path)
		return nil
	}))
}

// refusals are starts that must fail, and say why without saying the secret.
func refusals(g *guard, data string) {
	const password = "canarypassword"
	loose, _ := secretFiles(g, 0o644)
	key := filepath.Join(data, "keys", "support.key")
	require.NoError(g.T, os.Chmod(key, 0o644))
	token := web.NewKey(web.ScopeSupport)
	for name, test := range map[string]struct {
		args, environ []string
		says          string
	}{
		"secrets that everybody can read":    {environ: loose, says: "everybody can read"},
		"a key that everybody can read":      {environ: []string{"BOOKING_DATA_DIR=" + data}, says: "everybody can read " + key},
		"a database that is not there":       {environ: []string{"BOOKING_DATABASE__URL=postgres://u:" + password + "@127.0.0.1:1/none?connect_timeout=2"}, says: "database"},
		"an address that is none":            {environ: []string{"BOOKING_DATABASE__URL=postgres://u:" + password + "@127.0.0.1:port/none"}, says: "database.url"},
		"another kind of database":           {environ: []string{"BOOKING_DATABASE__URL=mysql://u:" + password + "@127.0.0.1/none"}, says: "database.url"},
		"a parameter that there is not":      {environ: []string{"BOOKING_DATABASE__URL=postgres://u:" + password + "@127.0.0.1:1/x?sslmode=odd"}, says: "database"},
		"a password among the parameters":    {environ: []string{"BOOKING_DATABASE__URL=postgres://127.0.0.1:1/x?password=" + password + "&sslmode=odd"}, says: "database"},
		"a key that is no key":               {environ: []string{"BOOKING_SECRETS__PEOPLE_KEY=" + password}, says: "secrets.people_key"},
		"a secret twice":                     {environ: []string{"BOOKING_SECRETS__PEOPLE_KEY=" + password, "BOOKING_SECRETS__PEOPLE_KEY_FILE=/nowhere"}, says: "use one of them"},
		"a key instead of its hash":          {environ: []string{"BOOKING_AUTH__KEYS=[{name: a, scope: support, role: agent, hash: " + token + "}]"}, says: "auth.keys"},
		"a secret on the command line":       {args: []string{"--database.url=postgres://u:" + password + "@h/x"}, says: "unknown flag"},
		"another secret on the command line": {args: []string{"--secrets.people_key", password}, says: "unknown flag"},
	} {
		environ := append([]string{"BOOKING_DATA_DIR=" + g.TempDir(), "BOOKING_SANDBOX__ADDR=127.0.0.1:0", "BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0"}, test.environ...)
		p := run(g.T, append([]string{"serve"}, test.args...), environ...)
		select {
		case <-p.exited:
		case <-time.After(time.Minute):
			require.Fail(g.T, "it started", name)
		}
		g.equal(1, p.cmd.ProcessState.ExitCode(), name)
		content, err := os.ReadFile(p.log)
		require.NoError(g.T, err)
		g.has(name, string(content), test.says)
		g.lacks(name, string(content), password, token, "Y2FuYXJ5LXNlY3JldC") // base64 of what the files begin with
	}
}

// secretsOfTheConfiguration prints it in all ways in which programs print.
func secretsOfTheConfiguration(g *guard) {
	cfg := DefaultConfig()
	secret := "canary" + uuid.NewString()
	for _, s := range settings(&cfg) {
		if s.isSecret() {
			s.value.SetString(secret)
		}
	}
	asJSON, err := json.Marshal(cfg)
	require.NoError(g.T, err)
	asYAML, err := yaml.Marshal(cfg)
	require.NoError(g.T, err)
	logger, lines := logBuffer()
	logger.Info("config", zap.Any("config", cfg), zap.Any("url", cfg.Database.URL), zap.Reflect("secrets", cfg.Secrets), zap.Stringer("key", cfg.Secrets.PeopleKey))
	var structured strings.Builder
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("config", "config", cfg, "url", cfg.Database.URL)
	printed := map[string]string{"JSON": string(asJSON), "YAML": string(asYAML), "zap": lines.String(), "slog": structured.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		printed[verb] = fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, cfg.Secrets) + fmt.Sprintf(verb, &cfg.Database) + fmt.Errorf(verb, cfg.Database.URL).Error()
	}
	for how, text := range printed {
		require.NotEmpty(g.T, text)
		g.lacks(how, text, secret, fmt.Sprintf("%x", secret))
	}
	help := run(g.T, []string{"serve", "--help"})
	out := new(strings.Builder)
	_, err = help.stdout.WriteTo(out)
	require.NoError(g.T, err)
	<-help.exited
	g.has("the help", out.String(), "--http.addr")
	g.lacks("the help", out.String(), "database.url", "secrets.", "webhook_secret")
}
