package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// callers are all who may knock at a route, with what they know of the guest's booking.
var callers = []string{"nobody", "stranger", "half a header", "own secret", "another's secret", "own key", "another's key", "page", "viewer", "agent", "supervisor"}

func TestEveryRouteIsOpenToThoseOnlyWhomItIsFor(t *testing.T) {
	t.Parallel()
	const ok = 0
	matrix := map[access][]int{
		//                   nobody stranger half  own s. anoth. own k. anoth. page viewer agent superv.
		accessPublic:     {ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok},
		accessVendor:     {401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401}, // a key is no signature
		accessSubmit:     {401, 401, 401, 401, 401, ok, ok, ok, 403, 403, 403},
		accessBookings:   {401, 401, 401, 401, 401, ok, ok, 403, 403, 403, 403},
		accessBooking:    {401, 401, 401, ok, 404, ok, 404, 403, 403, 403, 403},
		accessViewer:     {401, 401, 401, 401, 401, 403, 403, 403, ok, ok, ok},
		accessAgent:      {401, 401, 401, 401, 401, 403, 403, 403, 403, ok, ok},
		accessSupervisor: {401, 401, 401, 401, 401, 403, 403, 403, 403, 403, ok},
	}
	g := open(t).guest()
	other := g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").is(http.StatusAccepted).booking()
	g.house.until(t, g.id, atRest) // so that streams end
	tokens := map[string]string{
		"stranger": "bk_bookings_unknown", "own secret": g.secret, "another's secret": other.ClientSecret, "own key": webKey,
		"another's key": otherKey, "page": pageKey, "viewer": viewerKey, "agent": agentKey, "supervisor": supervisorKey,
	}
	g.house.toldOf()
	bodies := map[string]string{
		"/v1/support/webhooks/:endpoint/actions/replay": `{"reason":"because","booking":"` + anyBooking + `"}`,

		"/v1/bookings":                             submission("", ""),
		"/v1/bookings/:id/actions/accept-offer":    `{"accepted_total":{"amount":"1.00","currency":"EUR"}}`,
		"/v1/support/bookings/:id/actions/resolve": `{"reason":"because","outcome":"happened"}`,
	}
	for _, r := range g.api.routes() {
		for i, who := range callers {
			path := strings.NewReplacer(":identifier", string(g.id), ":id", string(g.id), ":vendor", "sandbox", ":endpoint", "shop", ":delivery", "3", "*", "swagger-ui.css").Replace(r.path)
			body, head := "", []string{}
			if r.method == http.MethodPost {
				body = `{"reason":"because"}`
				if r.access == accessBooking {
					body = `{}`
				}
				if given, ok := bodies[r.path]; ok {
					body = given
				}
				head = append(head, "Idempotency-Key", "key-2")
			} else if r.path == "/v1/bookings" {
				path += "?client_reference=x"
			}
			if who == "half a header" {
				head = append(head, "Authorization", webKey)
			}
			answer := g.call(r.method, path, tokens[who], body, head...)
			switch want := matrix[r.access][i]; {
			case want != ok:
				require.Equal(t, want, answer.status, "%s %s by %s: %s", r.method, r.path, who, answer.body)
				require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
				require.Equal(t, want == http.StatusUnauthorized, answer.header.Get("WWW-Authenticate") == "Bearer")
			default: // in: whatever it answers then is not about who asked
				require.NotContains(t, []int{401, 403, 404, 500}, answer.status, "%s %s by %s: %s", r.method, r.path, who, answer.body)
			}
		}
	}
}

func TestNotYoursAndNotThereCannotBeToldApart(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	other := g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").is(http.StatusAccepted).booking()
	forged := g.secret[:len(g.secret)-1] + "A"
	for _, suffix := range []string{"", "/stream", "/cancellation"} {
		var first string
		for _, try := range []struct{ id, token string }{
			{other.Id, g.secret}, {other.Id, webKey}, {string(g.id), forged}, {string(g.id), "bks_"}, {string(g.id), otherKey},
			{"01945e2a-7c00-7000-8000-999999999999", webKey}, {"01945e2a-7c00-7000-8000-999999999999", g.secret},
			{"nonsense", webKey}, {strings.ToUpper(string(g.id)), webKey}, {"{" + string(g.id) + "}", webKey}, {"%00", webKey},
		} {
			answer := g.call("GET", "/v1/bookings/"+try.id+suffix, try.token, "", "X-Request-Id", "same")
			answer.problem(http.StatusNotFound, ProblemCodeNotFound)
			if first == "" {
				first = string(answer.body)
			}
			require.Equal(t, first, string(answer.body))
		}
	}
}

func TestABookingIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	const id = "01945e2a-7c00-7000-8000-00000000000a"
	known, err := bookingID(id)
	require.NoError(t, err)
	require.Equal(t, booking.ID(id), known)
	for _, other := range []string{strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), ""} {
		_, err := bookingID(other)
		require.ErrorIs(t, err, booking.ErrNotFound)
	}
}

func TestASecretOpensTheSameBookingInEveryProcessWithTheSameServerKey(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	twin := open(t)
	twin.house.rooms[g.id] = g.house.rooms[g.id]
	twin.call("GET", g.path, g.secret, "").is(http.StatusOK)
	stranger := open(t, func(c *Config) { c.SecretKey = []byte("another key, of thirty-two bytes") })
	stranger.house.rooms[g.id] = g.house.rooms[g.id]
	stranger.call("GET", g.path, g.secret, "").problem(http.StatusNotFound, ProblemCodeNotFound)
}

func TestKeysThatCannotBeAreFoundAtTheStart(t *testing.T) {
	t.Parallel()
	_, err := newKeyring([]Key{
		{Name: "a", Hash: "secret", Scope: ScopeBookings},
		{Name: "a", Hash: HashKey("x"), Scope: ScopeSupport},
		{Name: "b|c", Hash: HashKey("y"), Scope: ScopeBookings},
		{Name: "d", Hash: HashKey("z"), Scope: ScopeBookings, Role: RoleViewer},
		{Name: "e", Hash: HashKey("w"), Scope: "everything"},
	}, []byte("short"))
	for _, wrong := range []string{"5 bytes", "64 hexadecimal digits", `"a": the name is taken`, `"a": scope`, `"b|c"`, `"d": scope`, `"e": scope`} {
		require.ErrorContains(t, err, wrong)
	}
	require.NotContains(t, err.Error(), "secret\"", "what was meant to be a hash may be a key")
}

func TestNewKeysAreLongAndTheirHashesAreWhatIsConfigured(t *testing.T) {
	t.Parallel()
	key := NewKey(ScopeSupport)
	require.Regexp(t, `^bk_support_[A-Za-z0-9_-]{43}$`, key)
	require.NotEqual(t, key, NewKey(ScopeSupport))
	ring, err := newKeyring([]Key{{Name: "a", Hash: HashKey(key), Scope: ScopeSupport, Role: RoleAgent}}, make([]byte, 32))
	require.NoError(t, err)
	found, ok := ring.find(key)
	require.True(t, ok)
	require.Equal(t, "a", found.Name)
	_, ok = ring.find("")
	require.False(t, ok)
}

func TestWhoseBookingItIsIsAskedBeforeAnythingIsSaidOfIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	g := s.guest()
	other := g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").is(http.StatusAccepted).booking()
	unknown := g.call("GET", "/v1/bookings/01945e2a-7c00-7000-8000-00000000ffff", webKey, "", "X-Request-Id", "same", "If-None-Match", `"1"`)
	for _, head := range [][]string{
		{"If-None-Match", `"1"`}, {"If-None-Match", "*"}, {"If-None-Match", `"9"`}, {"Prefer", "wait=20"}, {"Prefer", "wait=20", "If-None-Match", `"1"`},
	} {
		for _, key := range []string{webKey, g.secret} {
			answer := g.call("GET", "/v1/bookings/"+other.Id, key, "", append(head, "X-Request-Id", "same")...)
			answer.problem(http.StatusNotFound, ProblemCodeNotFound)
			require.Equal(t, unknown.body, answer.body)
			require.Empty(t, answer.header.Get("ETag"))
			require.Empty(t, answer.header.Get("Retry-After"))
		}
	}
	require.Empty(t, s.house.waiting)
}
