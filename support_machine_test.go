package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/booking/web"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
	"hotelbooking/workers"
)

// Support acts over HTTP on bookings in all places, in a world where every call may fail, while processes hold leases: what is
// legal there has its effect, one line of history in the name of who did it, and one row of audit; what is not is refused with
// the list of what is, and changes nothing.
func TestSupportMachine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		front, audited, reached := newFront(t, s), int64(0), map[string]int{}
		storetest.Machine(t, func(rt *rapid.T) {
			m := &supportModel{ctx: t.Context(), store: s, front: front, reached: reached}
			defer func() { audited += m.acted }()
			for range 3 {
				m.accept(rt)
			}
			rt.Repeat(map[string]func(*rapid.T){
				"claim": m.claim, "turn": m.turn, "turn again": m.turn, "walk": m.walk, "act": m.act, "act too": m.act, "act at once": m.actAtOnce, "": m.check,
			})
		})
		report, err := s.Auditor().Verify(t.Context(), "", func(f store.Finding) { t.Errorf("the audit: %+v", f) })
		require.NoError(t, err)
		require.Equal(t, audited, report.Actions)
		t.Logf("requests by verb and answer: %v", reached)
		for _, verb := range strings.Fields("retry cancel resolve approve reject refund note reveal") {
			require.True(t, audited < 1000 || reached[verb+" 202"] > 0, "never where %s is legal", verb)
		}
	})
}

// front is the service's own handler and engine, which does not run: the machine takes the turns.
type front struct {
	handler http.Handler
	engine  *workers.Workers
}

var supportKeys = map[string]string{"vera": "bk_support_viewer", "ada": "bk_support_agent", "sue": "bk_support_supervisor"}

func newFront(t *testing.T, s *store.Store) front {
	t.Helper()
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	engine := workers.New(flow, s, workers.DefaultConfig(), workers.Deps{})
	cfg := web.DefaultConfig()
	cfg.SecretKey = bytes.Repeat([]byte("k"), 32)
	cfg.KeyRate, cfg.AddressRate = 0, 0
	for name, role := range map[string]web.Role{"vera": web.RoleViewer, "ada": web.RoleAgent, "sue": web.RoleSupervisor} {
		cfg.Keys = append(cfg.Keys, web.Key{Name: name, Hash: web.HashKey(supportKeys[name]), Scope: web.ScopeSupport, Role: role})
	}
	server, err := web.New(cfg, web.Deps{Engine: engine, Bookings: s, Desk: s, Notices: s, Flow: flow, Log: zap.NewNop()})
	require.NoError(t, err)
	return front{server, engine}
}

// supportModel is some bookings, each in a world of its own, and the leases that are held on them.
type supportModel struct {
	ctx    context.Context
	store  *store.Store
	front  front
	ours   []*supported
	held   []*booking.Booking
	claims int
	acted  int64 // rows of audit that there should be

	reached map[string]int // how often each verb was answered with what, in all runs
}

type supported struct {
	id    booking.ID
	world *bookingtest.World
	flow  booking.Flow
	lines int
}

// supportBookings counts those of all runs: they share databases.
var supportBookings atomic.Int64

func (m *supportModel) accept(t *rapid.T) {
	n := supportBookings.Add(1)
	world := bookingtest.NewWorld(nil)
	of := &supported{world: world, flow: booking.NewFlow(world.Outside(), booking.DefaultLimits()), lines: 1}
	b, entry := of.flow.Begin(bookingtest.Ask(func(a *booking.Ask) {
		a.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-b000-%012x", n))
		a.Reference = booking.NewReference([6]byte{5, byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}), time.Now())
	of.id = b.ID
	_, err := m.store.Accept(m.ctx, booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID)})
	require.NoError(t, err)
	m.ours = append(m.ours, of)
}

func (m *supportModel) of(id booking.ID) *supported {
	for _, of := range m.ours {
		if of.id == id {
			return of
		}
	}
	return nil
}

func (m *supportModel) get(t *rapid.T, id booking.ID) *booking.Booking {
	b, err := m.store.Get(m.ctx, id)
	require.NoError(t, err)
	return b
}

// claim takes leases, and keeps them. What other runs have left is put out of the way like that, too.
func (m *supportModel) claim(t *rapid.T) {
	m.claims++
	pool := rapid.SampledFrom(booking.Pools()).Draw(t, "pool")
	claimed, err := m.store.Claim(m.ctx, booking.Claim{Pool: pool, Limit: 100, Owner: fmt.Sprintf("p.%d", m.claims), Process: "p", Lease: time.Hour})
	require.NoError(t, err)
	for _, b := range claimed {
		if m.of(b.ID) != nil {
			m.held = append(m.held, b)
		}
	}
}

// turn is one turn of a booking that is held, in a world that does as it likes; then it is given back, due.
func (m *supportModel) turn(t *rapid.T) {
	if len(m.held) == 0 {
		m.claim(t)
	}
	if len(m.held) == 0 {
		t.Skip("nothing is held")
	}
	b := m.held[0]
	m.held = m.held[1:]
	of, now := m.of(b.ID), time.Now().UTC().Truncate(time.Microsecond)
	of.world.Script = func(operation string) bookingtest.Fate { return fate(t, operation) }
	outcome, instead := of.flow.Before(b, now)
	if !instead {
		step, _ := of.flow.Step(b.Place.Step)
		act := map[booking.Phase]booking.Act{booking.Doing: step.Do, booking.Finding: step.Find, booking.Undoing: step.Undo}[b.Place.Phase]
		outcome = act(m.ctx, b)
	}
	entry := of.flow.Apply(b, outcome, now)
	if phase := b.Place.Phase; phase != booking.Ended && phase != booking.Parked {
		b.DueAt = b.UpdatedAt.Add(-time.Hour)
	}
	err := m.store.Save(m.ctx, b, entry, 0)
	if err == nil {
		of.lines++
		return
	}
	require.ErrorIs(t, err, booking.ErrConflict, "somebody has decided meanwhile")
	lost, err := m.store.Renew(m.ctx, []booking.Lease{{ID: b.ID, Owner: b.Owner}}, 0)
	require.NoError(t, err)
	require.Empty(t, lost)
}

// walk is many turns at once, so that bookings get far.
func (m *supportModel) walk(t *rapid.T) {
	for range 6 {
		for _, pool := range booking.Pools() {
			m.claims++
			claimed, err := m.store.Claim(m.ctx, booking.Claim{Pool: pool, Limit: 100, Owner: fmt.Sprintf("p.%d", m.claims), Process: "p", Lease: time.Hour})
			require.NoError(t, err)
			for _, b := range claimed {
				if m.of(b.ID) != nil {
					m.held = append(m.held, b)
				}
			}
		}
		for len(m.held) > 0 {
			m.turn(t)
		}
	}
}

// fate is mostly a world that obeys.
func fate(t *rapid.T, operation string) bookingtest.Fate {
	if rapid.IntRange(0, 3).Draw(t, "mood of "+operation) > 0 {
		return bookingtest.Obeys
	}
	fates := []bookingtest.Fate{bookingtest.IsBusy, bookingtest.LosesReply, bookingtest.LosesRequest}
	switch operation {
	case "hold", "authorize":
		fates = append(fates, bookingtest.Refuses, bookingtest.AsksCustomer)
	case "screen":
		fates = append(fates, bookingtest.AsksStaff, bookingtest.AsksStaff, bookingtest.AsksStaff)
	case "capture":
		fates = append(fates, bookingtest.Refuses, bookingtest.Refuses, bookingtest.Refuses)
	case "confirm", "cancel", "void", "refund":
		fates = append(fates, bookingtest.Refuses)
	}
	return rapid.SampledFrom(fates).Draw(t, "fate of "+operation)
}

// wish is one request of somebody at support.
type wish struct {
	who, verb string
	body      map[string]any
}

// drawWish is anything, or half of the time something that is legal where the booking stands.
func drawWish(t *rapid.T, b *booking.Booking) wish {
	w := wish{
		who:  rapid.SampledFrom([]string{"ada", "sue", "sue", "sue", "vera"}).Draw(t, "who"),
		verb: rapid.SampledFrom([]string{"retry", "cancel", "resolve", "approve", "reject", "refund", "refund", "note", "reveal"}).Draw(t, "verb"),
		body: map[string]any{"reason": rapid.SampledFrom([]string{"asked by phone", "Núñez rang", "mistaken twice", "x"}).Draw(t, "reason")},
	}
	if rapid.Bool().Draw(t, "sensible") {
		w.who, w.verb, w.body["reason"] = "sue", rapid.SampledFrom(legalFor(b)).Draw(t, "legal verb"), "asked by phone"
	}
	switch w.verb {
	case "cancel":
		w.body["waive_fee"] = rapid.Bool().Draw(t, "waive")
	case "resolve":
		w.body["outcome"] = rapid.SampledFrom([]string{"happened", "not_happened"}).Draw(t, "outcome")
		if rapid.Bool().Draw(t, "evidence") {
			w.body["supplier_reference"] = "S-1"
		}
	case "refund":
		if amount := rapid.SampledFrom([]string{"", "0.01", "100.00", "346.00", "346.01", "5"}).Draw(t, "amount"); amount != "" {
			currency := map[string]string{"5": "JPY"}[amount]
			if currency == "" {
				currency = "EUR"
			}
			w.body["amount"] = map[string]any{"amount": amount, "currency": currency}
		}
	}
	return w
}

// send makes the request.
func (m *supportModel) send(t *rapid.T, id booking.ID, w wish) (int, web.Problem) {
	body, err := json.Marshal(w.body)
	require.NoError(t, err)
	r := httptest.NewRequestWithContext(m.ctx, http.MethodPost, "/v1/support/bookings/"+string(id)+"/actions/"+w.verb, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+supportKeys[w.who])
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	m.front.handler.ServeHTTP(answer, r)
	var p web.Problem
	if answer.Code != http.StatusAccepted {
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &p), "%s", answer.Body)
	}
	return answer.Code, p
}

func (m *supportModel) act(t *rapid.T) {
	of := m.ours[rapid.IntRange(0, len(m.ours)-1).Draw(t, "booking")]
	before := m.get(t, of.id)
	w := drawWish(t, before)
	status, p := m.send(t, of.id, w)
	want := expected(before, w)
	m.reached[fmt.Sprint(w.verb, " ", status)]++
	require.Equal(t, want.status, status, "%s %v of %v: %+v", w.verb, w.body, before.Place, p)
	require.Equal(t, want.code, p.Code)
	require.ElementsMatch(t, want.allowed, p.Allowed)
	after := m.get(t, of.id)
	if !want.moves {
		require.Equal(t, before, after, "what is refused, or was said before, changes nothing")
		return
	}
	m.acted++
	of.lines++
	require.Equal(t, before.Version+1, after.Version)
	require.Equal(t, before.Owner, after.Owner, "nobody's lease is touched")
	entries, err := m.store.History(m.ctx, of.id)
	require.NoError(t, err)
	line := entries[len(entries)-1]
	require.Equal(t, []any{after.Version, w.verb, "support:" + w.who, w.body["reason"], before.Place, after.Place, after.Status()},
		[]any{line.Version, line.Verb, line.Actor, line.Detail, line.From, line.To, line.Status})
}

// actAtOnce is two of them with one wish: what can be done once is done once.
func (m *supportModel) actAtOnce(t *rapid.T) {
	of := m.ours[rapid.IntRange(0, len(m.ours)-1).Draw(t, "booking")]
	before := m.get(t, of.id)
	w := drawWish(t, before)
	statuses := [2]int{}
	var both sync.WaitGroup
	for i := range statuses {
		both.Go(func() { statuses[i], _ = m.send(t, of.id, w) })
	}
	both.Wait()
	moved := m.get(t, of.id).Version - before.Version
	m.acted += int64(moved)
	of.lines += moved
	switch {
	case !expected(before, w).moves:
		require.Zero(t, moved)
	case w.verb == "note" || w.verb == "reveal" || w.verb == "retry" || w.verb == "refund" && w.body["amount"] != nil:
		require.LessOrEqual(t, moved, 2)
		require.Positive(t, moved)
	case w.verb == "resolve": // what the first one led to can be resolved again where the booking waits for staff once more
		require.Positive(t, moved)
	default:
		require.Equal(t, 1, moved)
	}
	for _, status := range statuses {
		require.Less(t, status, http.StatusInternalServerError)
	}
}

// answered is what a request should be answered with.
type answered struct {
	status  int
	code    web.ProblemCode
	allowed []string
	moves   bool
}

// expected is the model: what the manual says of support's actions.
func expected(b *booking.Booking, w wish) answered {
	supervisor := w.who == "sue"
	legal := legalFor(b)
	switch {
	case w.who == "vera" && w.verb != "reveal", !supervisor && w.verb == "refund":
		return answered{status: 403, code: web.ProblemCodeForbidden}
	case w.body["reason"] == "x":
		return answered{status: 422, code: web.ProblemCodeValidationFailed} // it says nothing
	case !supervisor && w.body["waive_fee"] == true:
		return answered{status: 403, code: web.ProblemCodeForbidden}
	case slices.Contains(legal, w.verb):
		return allowed(b, w)
	case w.verb == "cancel" && b.Status() == booking.StatusCancelling && b.Place.Phase == booking.Parked && !turnsRound(b):
		return answered{status: 409, code: web.ProblemCodeStateConflict, allowed: legal} // it waits for something else
	case w.verb == "cancel" && (b.Status() == booking.StatusCancelling || b.Status() == booking.StatusCancelled):
		return answered{status: 202} // it was said before
	case w.verb == "cancel":
		return answered{status: 409, code: web.ProblemCodeCancelNotAllowed}
	default:
		return answered{status: 409, code: web.ProblemCodeStateConflict, allowed: legal}
	}
}

// allowed is a legal action, which can still lack something.
func allowed(b *booking.Booking, w wish) answered {
	invalid := answered{status: 422, code: web.ProblemCodeValidationFailed}
	if w.verb == "resolve" && w.body["outcome"] == "happened" && b.Goal == booking.Confirm && b.Place.Step == booking.StepConfirm && w.body["supplier_reference"] == nil {
		return invalid
	}
	if amount, ok := w.body["amount"].(map[string]any); ok {
		minor, _ := booking.ParseMoney(fmt.Sprint(amount["amount"]), fmt.Sprint(amount["currency"]))
		if minor.Currency != "EUR" || minor.Minor > b.Facts.Money.Captured-b.Facts.Money.Refunded {
			return invalid
		}
	}
	return answered{status: 202, moves: true}
}

// turnsRound tells that a wish to cancel will be followed although the booking is parked: nothing irrevocable is in the air.
func turnsRound(b *booking.Booking) bool {
	wish, from := b.Facts.Cancellation, b.Facts.Waiting.From
	asking := b.Place.Step == booking.StepHold || b.Place.Step == booking.StepScreen || b.Place.Step == booking.StepAuthorize
	return b.Goal == booking.Confirm && wish != nil && !wish.Begun && wish.Refuse == "" && (from == booking.Doing || from == booking.Finding && asking)
}

// legalFor lists support's verbs for a booking.
func legalFor(b *booking.Booking) []string {
	waits := b.Place.Phase == booking.Parked && b.Facts.Waiting.Who == booking.Staff
	review := waits && b.Place.Step == booking.StepScreen
	judged := review && b.Facts.Waiting.Reason == booking.FraudReview // the screening has answered
	wanted := b.Facts.Cancellation
	backwards := b.Goal != booking.Confirm || b.Facts.Waiting.From == booking.Undoing
	left := b.Facts.Money.Captured > b.Facts.Money.Refunded
	var legal []string
	add := func(verbs string, is bool) {
		if is {
			legal = append(legal, strings.Fields(verbs)...)
		}
	}
	add("approve reject", review)
	add("cancel", b.Goal == booking.Confirm && b.Status() != booking.StatusCancelling && b.Status() != booking.StatusCancelled && b.Status() != booking.StatusFailed)
	add("retry", b.Owner == "" && b.Place.Phase != booking.Ended && !judged && (waits || b.Place.Phase != booking.Parked))
	add("resolve", waits && !review && (backwards || b.Place.Step == booking.StepConfirm || b.Place.Step == booking.StepCapture))
	add("refund", b.Owner == "" && b.Status() == booking.StatusConfirmed && b.Goal == booking.Confirm && b.Place.Phase != booking.Parked && left &&
		b.Mark(booking.StepCapture).State == booking.MarkDone && (wanted == nil || wanted.Refuse != ""))
	return append(legal, "note", "reveal")
}

// check: each booking's history is as long as its version, and as what was done.
func (m *supportModel) check(t *rapid.T) {
	for _, of := range m.ours {
		require.Equal(t, of.lines, m.get(t, of.id).Version)
		entries, err := m.store.History(m.ctx, of.id)
		require.NoError(t, err)
		require.Len(t, entries, of.lines)
		for i, e := range entries {
			require.Equal(t, i+1, e.Version, "a gap")
		}
	}
}
