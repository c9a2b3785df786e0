package web

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// contract is the specification, read once: that takes longer than most tests.
var contract = sync.OnceValue(func() *spec {
	read, err := newSpec(specYAML)
	if err != nil {
		panic(err)
	}
	return read
})

// generic is an answer as a schema sees it.
func generic(r reply) any {
	r.Helper()
	return read[any](r)
}

func TestTheSpecificationIsValidAndItsExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	require.NoError(t, contract().doc.Validate(t.Context(), openapi3.EnableExamplesValidation()))
}

func TestExamplesHaveNoFieldThatTheModelsLack(t *testing.T) {
	t.Parallel()
	for name, example := range contract().doc.Components.Examples {
		model := any(new(Booking))
		switch {
		case strings.HasPrefix(name, "Problem_"):
			model = new(Problem)
		case strings.HasPrefix(name, "Quote"):
			model = new(CancellationQuote)
		case strings.HasPrefix(name, "Submission"):
			model = new(Submission)
		case name == "BookingList":
			model = new(BookingList)
		case name == "SupportList":
			model = new(SupportList)
		case name == "WebhookEndpointList":
			model = new(WebhookEndpointList)
		case name == "WebhookEndpoint":
			model = new(WebhookEndpoint)
		case name == "WebhookDeliveryList":
			model = new(WebhookDeliveryList)
		case name == "WebhookReplayReceipt":
			model = new(WebhookReplayReceipt)
		case name == "SupportBooking":
			model = new(SupportBooking)
		}
		raw, err := json.Marshal(example.Value.Value)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, model, json.RejectUnknownMembers(true)), name)
	}
}

func TestEveryProblemHasAnExampleThatSaysWhatTheCatalogueSays(t *testing.T) {
	t.Parallel()
	for _, code := range contract().doc.Components.Schemas["ProblemCode"].Value.Enum {
		example := contract().doc.Components.Examples["Problem_"+code.(string)]
		require.NotNil(t, example, code)
		raw, err := json.Marshal(example.Value.Value)
		require.NoError(t, err)
		var p Problem
		require.NoError(t, json.Unmarshal(raw, &p))
		status, title, detail := describe(ProblemCode(code.(string)))
		require.Equal(t, Problem{
			Type: "urn:hotelbooking:problem:" + code.(string), Title: title, Status: status, Code: ProblemCode(code.(string)), Detail: detail,
		}, Problem{Type: p.Type, Title: p.Title, Status: p.Status, Code: p.Code, Detail: p.Detail})
	}
}

func TestEveryProblemIsDocumentedWhereItCanHappen(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`\$ref: "#/components/examples/(\w+)"`).FindAllSubmatch(specYAML, -1)
	seen := map[string]bool{}
	for _, match := range used {
		seen[string(match[1])] = true
	}
	for name := range contract().doc.Components.Examples {
		require.True(t, seen[name], "%s is shown nowhere", name)
	}
}

func TestTheRouterAndTheSpecificationHaveTheSameRoutesAndAccess(t *testing.T) {
	t.Parallel()
	api := open(t).api
	documented := map[string]string{}
	for path, item := range contract().doc.Paths.Map() {
		for method, operation := range item.Operations() {
			documented[method+" "+path], _ = operation.Extensions["x-access"].(string)
		}
	}
	installed := map[string]string{}
	for _, r := range api.routes() {
		if r.path != docsAssets {
			installed[r.method+" "+specPath(r.path)] = string(r.access)
		}
	}
	require.Equal(t, documented, installed)

	routed := map[string]bool{}
	for _, r := range api.echo.Routes() {
		page := slices.ContainsFunc(api.pageRoutes(), func(p route) bool { return p.method == r.Method && p.path == r.Path })
		if r.Path != docsAssets && !page {
			routed[r.Method+" "+specPath(r.Path)] = true
		}
	}
	require.Len(t, routed, len(installed), "something was installed past the table: %v", routed)
	for route := range routed {
		require.Contains(t, installed, route)
	}
}

func TestARouteThatNobodyMayCallStopsTheStart(t *testing.T) {
	t.Parallel()
	err := open(t).api.install([]route{{method: http.MethodGet, path: "/v1/forgotten"}})
	require.ErrorContains(t, err, "GET /v1/forgotten: who may call it?")
}

func TestEveryOperationOfTheSpecificationSaysWhoMayCallIt(t *testing.T) {
	t.Parallel()
	for path, item := range contract().doc.Paths.Map() {
		for method, operation := range item.Operations() {
			require.NotEmpty(t, operation.Extensions["x-access"], "%s %s", method, path)
			require.NotNil(t, operation.Security, "%s %s", method, path)
		}
	}
}
