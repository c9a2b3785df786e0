package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "hotelbooking"

// importRule says which packages of ours a package may import beside those above and below it in the tree. A path that
// ends in "/..." stands for the tree; the first rule that fits a package is its rule. What only tests may import is in
// tests; what tests are made of (see isTestSupport) any test may.
type importRule struct {
	of    string
	may   []string
	tests []string
	alone bool // not even what lies above and below it
	std   bool // nothing but the standard library from outside
}

var importRules = []importRule{
	{of: "bench", may: []string{
		"booking", "workers", "workers/jetstream", "store", "store/storetest/pgserver", "store/storetest/natsd", "store/storetest/child",
		"providers", "providers/hotel", "providers/hotel/sandbox", "providers/fraud/sandbox", "providers/payment/sandbox", "providers/tracking/sandbox",
	}},
	{of: "booking", alone: true, std: true},
	{of: "chaos/judge", alone: true, std: true},
	{of: "chaos/fleet", may: []string{"chaos/client", "chaos/judge", "store/storetest/natsd", "store/storetest/pgserver", "store/storetest/child"}, alone: true},
	{of: "chaos/client", may: []string{"chaos/judge"}, alone: true, std: true},
	{of: "chaos", alone: true, tests: []string{"chaos/client", "chaos/judge", "store/storetest/pgserver", "store/storetest/natsd", "store/storetest/child"}}, // it knows the service as others do: by its binary
	{of: "booking/bookingtest", may: []string{"booking"}, alone: true},
	{of: "booking/web/...", may: []string{"booking"}},
	{of: "sim", tests: []string{
		"booking", "booking/web", "workers", "workers/jetstream", "store",
		"providers", "providers/hotel", "providers/sandbox", "providers/hotel/sandbox", "providers/fraud/sandbox", "providers/payment/sandbox", "providers/tracking/sandbox",
	}},
	{of: "tracing", alone: true},
	{of: "workers/queuetest", may: []string{"booking", "workers", "booking/bookingtest"}},
	{of: "workers/relay", may: []string{"booking"}, tests: []string{"store"}},    // whose outbox it is made for
	{of: "workers/webhooks", may: []string{"booking"}, tests: []string{"store"}}, // whose deliveries it sends
	{of: "workers/...", may: []string{"booking"}},
	{of: "store/storetest/child", alone: true, std: true},
	{of: "store/storetest/natsd", may: []string{"store/storetest/child"}, alone: true, std: true},
	{of: "store/storetest/pgserver", may: []string{"store/storetest/child"}, alone: true},
	{of: "store/storetest/withpg", may: []string{"store/storetest/pgserver"}, alone: true},
	{of: "store/storetest", may: []string{"booking", "store", "booking/bookingtest"}},
	{of: "store/...", may: []string{"booking"}, tests: []string{"workers"}}, // for queuetest: the store is a workers.Queue
	{of: "providers/sandbox/...", alone: true},
	{of: "providers/providertest", may: []string{"booking", "booking/bookingtest"}},
	{of: "providers/...", may: []string{"booking"}, tests: []string{"providers/sandbox"}},
}

// onlyIn names the packages that may know a library.
var onlyIn = map[string][]string{
	"gorm.io":             {"store/..."},
	"github.com/labstack": {"booking/web/...", "bench"}, // bench: the bare server that the service is compared with
	"github.com/nats-io":  {"workers/jetstream/..."},
	// Who makes spans knows the API alone. What sends them is in one package, and main's tests read what it sends.
	"go.opentelemetry.io/otel":           {"tracing", "workers", "providers", "store", "booking/web"},
	"go.opentelemetry.io/otel/sdk":       {"tracing"},
	"go.opentelemetry.io/otel/exporters": {"tracing"},
	"go.opentelemetry.io/proto":          {"", "tracing"},
}

// listed is what go list says of a package.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, breach := range breaches(p) {
			t.Error(breach)
		}
	}
}

func TestForbiddenImportsAreFound(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]listed{
		"the domain and a library":         {ImportPath: module + "/booking", Imports: []string{"context", "go.uber.org/zap"}},
		"the domain and its pages":         {ImportPath: module + "/booking", Imports: []string{module + "/booking/web"}},
		"the domain's tests and the store": {ImportPath: module + "/booking", XTestImports: []string{module + "/store"}},
		"web and the store":                {ImportPath: module + "/booking/web", Imports: []string{module + "/store"}},
		"web and main":                     {ImportPath: module + "/booking/web", Imports: []string{module}},
		"the engine and the store":         {ImportPath: module + "/workers", Imports: []string{module + "/store"}},
		"a broker's engine and an adapter": {ImportPath: module + "/workers/jetstream", Imports: []string{module + "/providers/hotel/rapid"}},
		"the store and the engine":         {ImportPath: module + "/store", Imports: []string{module + "/workers"}},
		"the store and what tests it":      {ImportPath: module + "/store", Imports: []string{module + "/store/storetest"}},
		"an adapter and its neighbour":     {ImportPath: module + "/providers/hotel/rapid", Imports: []string{module + "/providers/payment/stripe"}},
		"an adapter and the sandbox":       {ImportPath: module + "/providers/hotel/sandbox", Imports: []string{module + "/providers/sandbox"}},
		"the sandbox and the domain":       {ImportPath: module + "/providers/sandbox", Imports: []string{module + "/booking"}},
		"the sandbox's tests and the flow": {ImportPath: module + "/providers/sandbox", TestImports: []string{module + "/booking"}},
		"the engine and gorm":              {ImportPath: module + "/workers", Imports: []string{"gorm.io/gorm"}},
		"main and echo":                    {ImportPath: module, Imports: []string{"github.com/labstack/echo/v4"}},
		"the load driver and gorm":         {ImportPath: module + "/bench", Imports: []string{"gorm.io/gorm"}},
		"main and a test's fake":           {ImportPath: module, Imports: []string{module + "/booking/bookingtest"}},
		"a package without a rule":         {ImportPath: module + "/extras", Imports: []string{"context"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, breaches(p), 1)
		})
	}
}

func TestAllowedImportsPass(t *testing.T) {
	t.Parallel()
	for _, p := range []listed{
		{ImportPath: module, Imports: []string{"os", module + "/store", module + "/booking/web", module + "/store/storetest/pgserver"}, TestImports: []string{module + "/store/storetest"}},
		{ImportPath: module + "/booking", Imports: []string{"context"}, XTestImports: []string{module + "/booking", module + "/booking/bookingtest", "pgregory.net/rapid"}},
		{ImportPath: module + "/booking/web", Imports: []string{module + "/booking", "github.com/labstack/echo/v4"}},
		{ImportPath: module + "/bench", Imports: []string{module + "/store", "github.com/labstack/echo/v4"}},
		{ImportPath: module + "/workers/jetstream", Imports: []string{module + "/booking", module + "/workers"}, TestImports: []string{module + "/workers/queuetest"}},
		{ImportPath: module + "/store", Imports: []string{"gorm.io/gorm", module + "/booking", module + "/store/migrations"}, XTestImports: []string{module + "/workers/queuetest", module + "/workers"}},
		{ImportPath: module + "/providers/hotel/rapid", Imports: []string{module + "/providers"}, XTestImports: []string{module + "/providers/sandbox", module + "/providers/providertest"}},
	} {
		require.Empty(t, breaches(p))
	}
}

// breaches lists, in words, what p imports and may not.
func breaches(p listed) []string {
	path := ours(p.ImportPath)
	main := path == ""
	rule := importRule{}
	if !main {
		i := slices.IndexFunc(importRules, func(r importRule) bool { return within(path, r.of) })
		if i < 0 {
			return []string{fmt.Sprintf("%s has no import rule: add one", p.ImportPath)}
		}
		rule = importRules[i]
	}

	allowed := func(imported string, test bool) bool {
		if !strings.HasPrefix(imported, module+"/") && imported != module {
			return !rule.std || test || !strings.Contains(strings.Split(imported, "/")[0], ".")
		}
		to := ours(imported)
		switch {
		case test && (to == path || isTestSupport(to) || slices.Contains(rule.tests, to)):
			return true
		case slices.Contains(rule.may, to):
			return true
		case isTestSupport(to):
			return isTestSupport(path)
		case main:
			return true
		default:
			return !rule.alone && to != "" && (within(to, path+"/...") || within(path, to+"/..."))
		}
	}

	var found []string
	check := func(imports []string, test bool) {
		for _, imported := range imports {
			if !allowed(imported, test) {
				found = append(found, fmt.Sprintf("%s must not import %s", p.ImportPath, imported))
			}
			for library, homes := range onlyIn {
				if within(imported, library+"/...") && !slices.ContainsFunc(homes, func(home string) bool { return within(path, home) }) {
					found = append(found, fmt.Sprintf("%s must not import %s: only %s may", p.ImportPath, imported, strings.Join(homes, " and ")))
				}
			}
		}
	}
	check(p.Imports, false)
	check(slices.Concat(p.TestImports, p.XTestImports), true)
	return found
}

// isTestSupport tells what only tests are made of, which no program may contain. The PostgreSQL starter is not: load
// runs need one too.
func isTestSupport(path string) bool {
	return strings.HasSuffix(path, "test") || path == "store/storetest/withpg"
}

// within tells whether path is what pattern names: itself, or with "/..." the tree.
func within(path, pattern string) bool {
	root, tree := strings.CutSuffix(pattern, "/...")
	return path == root || tree && strings.HasPrefix(path, root+"/")
}

// ours is a package's path in the module; "" for main.
func ours(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// packages lists the module's.
func packages(t *testing.T) []listed {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), said.String())
	var all []listed
	for decoder := json.NewDecoder(&out); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "what go list printed")
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	return all
}
