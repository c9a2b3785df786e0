package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

func erasureOnSQLite(g *guard) { erasure(g, fortify(g, "")) }

func erasureOnPostgres(g *guard) { erasure(g, fortify(g, storetest.PostgresSchema(g.T))) }

// operate runs a command of the binary on the service's database, as somebody on the server does, and returns its exit code and
// what it said.
func (f *fortress) operate(g *guard, command ...string) (code int, said string) {
	g.Helper()
	p := run(g.T, command, "BOOKING_DATA_DIR="+f.cfg.DataDir, "BOOKING_DATABASE__URL="+f.cfg.Database.URL.Reveal())
	out := new(strings.Builder)
	_, err := p.stdout.WriteTo(out)
	require.NoError(g.T, err)
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		require.Fail(g.T, "it still runs", "%v", command)
	}
	return p.cmd.ProcessState.ExitCode(), out.String()
}

// sealedOf is what erasure destroys: the wrapped key of a booking's people, and the index by which their e-mail address is found.
func (f *fortress) sealedOf(g *guard, id string) (dataKey, index []byte) {
	g.Helper()
	row := f.database(g).QueryRowContext(g.Context(), fmt.Sprintf("SELECT data_key, email_index FROM people WHERE id = '%s'", id)) //nolint:gosec // an id of the service's own
	require.NoError(g.T, row.Scan(&dataKey, &index))
	return dataKey, index
}

type insideView struct {
	Booking  json.RawMessage
	Story    struct{ Happened, Charged string }
	Money    struct{ Captured, Refunded moneyView }
	Contact  map[string]string
	Timeline []struct{ Actor, Verb, What, Detail string }
}

func (f *fortress) inside(b bookingView) (view insideView, text string) {
	a := f.call("GET", "/v1/support/bookings/"+b.ID, f.keys["sue"], "").is(http.StatusOK)
	require.NoError(f, json.Unmarshal(a.body, &view))
	return view, string(a.body)
}

// erasure has one of two bookings of a guest forgotten.
func erasure(g *guard, f *fortress) {
	const email, key = "canarymail@canary.example", "erased-one"
	submit := func(key string) bookingView {
		return f.call("POST", "/v1/bookings", f.keys["web"], canaried(order{offer: "sim_fee"}), "Idempotency-Key", key).is(http.StatusAccepted).booking()
	}
	b, kept := submit(key), submit(uuid.NewString())
	path := "/v1/bookings/" + b.ID
	for _, each := range []bookingView{b, kept} {
		f.until(each.ID, func(b bookingView) bool { return b.Stage == "done" })
		f.call("POST", "/v1/support/bookings/"+each.ID+"/actions/note", f.keys["ada"], `{"reason":"canarynote about `+each.Reference+`"}`).is(http.StatusAccepted)
	}
	before, text := f.inside(b)
	g.has("support before", text, "CanaryFamily", email, "canaryrequest", "canarynote")
	public := f.call("GET", path, b.ClientSecret, "").is(http.StatusOK).booking()
	dataKey, index := f.sealedOf(g, b.ID)
	require.NotEmpty(g.T, dataKey)
	require.NotEmpty(g.T, index)
	g.has("the database before", f.kept(g), "canarynote about "+b.Reference)

	moving := f.submit(order{card: "pm_card_authenticationRequired"})
	f.untilStatus(moving.ID, "requires_action")
	code, _ := f.operate(g, "erase", "--reason", "moving", moving.ID)
	g.holds(code != 0, "a booking that moves needs its guest")
	code, _ = f.operate(g, "erase", "--reason", "nobody", uuid.NewString())
	g.holds(code != 0, "there is none")
	code, said := f.operate(g, "erase", "--reason", "ticket 4711", b.Reference)
	g.equal(0, code, said)
	g.has("the command", said, b.ID)

	after := f.call("GET", path, b.ClientSecret, "").is(http.StatusOK).booking()
	g.equal([]any{public.Status, public.Price, public.PaymentStatus, public.Reference, public.Confirmation, public.Terminal, public.Stage},
		[]any{after.Status, after.Price, after.PaymentStatus, after.Reference, after.Confirmation, after.Terminal, after.Stage}, "the booking stays")
	g.holds(after.Version > public.Version, "and shows that something happened")
	view, text := f.inside(b)
	g.lacks("support after", text, "CanaryGiven", "CanaryFamily", "CanaryContact", "canarymail", "34611222333", "canaryrequest", "canarynote")
	g.equal([]any{before.Money, before.Story.Happened, before.Story.Charged}, []any{view.Money, view.Story.Happened, view.Story.Charged}, "money and story are readable")
	g.equal(after.Version, len(view.Timeline), "a line for every version")
	g.equal("erase", view.Timeline[len(view.Timeline)-1].Verb)
	g.holds(strings.HasPrefix(view.Timeline[len(view.Timeline)-1].Actor, "operator:"), "who did it: %s", view.Timeline[len(view.Timeline)-1].Actor)
	for q, found := range map[string]bool{email: false, strings.ToUpper(email): false, b.ID: true, b.Reference: true, key: true, "canaryreference": true} {
		a := f.call("GET", "/v1/support/bookings?q="+q, f.keys["sue"], "").is(http.StatusOK)
		g.equal(found, strings.Contains(string(a.body), b.ID), "%s finds it", q)
		if q == email {
			g.has("the same search", string(a.body), kept.ID)
		}
	}
	_, theirs := f.inside(kept)
	g.has("the guest's other booking", theirs, "CanaryFamily", email, "canarynote")

	again := submit(key)
	g.equal([]string{b.ID, b.ClientSecret}, []string{again.ID, again.ClientSecret}, "the key still has its booking")
	g.refuses(f.call("POST", "/v1/bookings", f.keys["web"], order{}.json(), "Idempotency-Key", key), 422, "idempotency_key_reused")
	code, said = f.operate(g, "erase", "--reason", "ticket 4711", b.ID)
	g.equal(0, code, "once more is no error: %s", said)
	code, said = f.operate(g, "audit", "verify")
	g.equal(0, code, "the audit is intact: %s", said)

	f.call("POST", path+"/cancellation", b.ClientSecret, "{}").is(http.StatusAccepted)
	f.untilStatus(b.ID, "cancelled")
	f.untilLedger(b.Reference, func(l ledgerView) bool { return l.Active == 0 && l.Refunded == "276.80" })
	g.counted()
	running := f.kept(g)
	f.stop()
	for where, content := range map[string]string{"while it runs": running, "at rest": f.kept(g)} {
		if f.cfg.Database.URL == "" {
			g.holds(!strings.Contains(content, string(dataKey)), "the wrapped key is in SQLite's files %s", where)
		}
		g.lacks(where, content, "canarynote about "+b.Reference)
		g.has(where, content, "canarynote about "+kept.Reference)
	}
	gone, noIndex := f.sealedOf(g, b.ID)
	g.equal([]int{0, 0}, []int{len(gone), len(noIndex)})
}
