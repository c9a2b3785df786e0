package web

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachProblemIsSaidAsAgreed(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	answers := map[ProblemCode]reply{
		ProblemCodeMalformedRequest:      g.submit(submission(`"offer"`, `"offers"`), "key-2"),
		ProblemCodeInvalidParameter:      g.call("GET", "/v1/support/bookings?limit=0", viewerKey, ""),
		ProblemCodeIdempotencyKeyMissing: g.call("POST", "/v1/bookings", webKey, submission("", "")),
		ProblemCodeIdempotencyKeyInvalid: g.submit(submission("", ""), "a b"),
		ProblemCodeUnauthorized:          g.call("GET", g.path, "", ""),
		ProblemCodeForbidden:             g.call("GET", g.path, viewerKey, ""),
		ProblemCodeMethodNotAllowed:      g.call("DELETE", g.path, webKey, ""),
		ProblemCodeBodyTooLarge:          g.submit(strings.Repeat(" ", bodyMax+1), "key-2"),
		ProblemCodeUnsupportedMediaType:  g.call("POST", "/v1/bookings", webKey, "x", "Idempotency-Key", "key-2", "Content-Type", "text/plain"),
		ProblemCodeIdempotencyKeyReused:  g.submit(submission("sim_ok", "sim_down"), "key-1"),
		ProblemCodeCardDataRefused:       g.submit(submission("sim_ok", testCards[0]), "key-2"),
		ProblemCodeHeadersTooLarge:       g.call("GET", g.path, webKey, "", "X-Much", strings.Repeat("x", headersMax)),
	}
	g.house.down = errDown
	answers[ProblemCodeUnavailable] = g.get()
	for code, answer := range answers {
		answer.T = t
		answer.golden("problem_" + string(code))
		status, _, _ := describe(code)
		answer.problem(status, code)
		require.Empty(t, contract().violations("Problem", generic(answer)))
	}
}

func TestEveryProblemHasAGoldenFile(t *testing.T) {
	t.Parallel()
	for _, code := range contract().doc.Components.Schemas["ProblemCode"].Value.Enum {
		if code == string(ProblemCodeRequestTimeout) {
			continue // see TestHalfABodyIsAnsweredWith408
		}
		_, err := os.Stat(filepath.Join("testdata", "problem_"+code.(string)+".json"))
		require.NoError(t, err)
	}
}

func TestNoStatusButThoseOfTheCatalogueAnswersAnError(t *testing.T) {
	t.Parallel()
	for _, code := range contract().doc.Components.Schemas["ProblemCode"].Value.Enum {
		status, title, detail := describe(ProblemCode(code.(string)))
		require.NotEmpty(t, http.StatusText(status), code)
		require.NotEmpty(t, title)
		require.NotEmpty(t, detail)
		if code != string(ProblemCodeInternal) {
			require.NotEqual(t, http.StatusInternalServerError, status, "%s is not in the catalogue", code)
		}
	}
}
