package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func bookingNumber(n int) booking.ID {
	return booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
}

// delivery is the event that made version v of booking n, on its way to an endpoint.
func delivery(endpoint string, n, v int) booking.Delivery {
	return booking.Delivery{
		Endpoint: endpoint, Event: fmt.Sprintf("%s:%d:booking.test", bookingNumber(n), v), Type: "booking.test", Booking: bookingNumber(n), Version: v,
		Body: fmt.Sprintf(`{"n":%d,"v":%d,"text":"\u0000 é "}`, n, v),
	}
}

func add(t *testing.T, s *store.Store, deliveries ...booking.Delivery) {
	t.Helper()
	require.NoError(t, s.AddDeliveries(t.Context(), deliveries))
}

// claimed leases what is due at an endpoint, and says it as "booking:version".
func claimed(t *testing.T, s *store.Store, endpoint, owner string) ([]booking.Delivery, []string) {
	t.Helper()
	list, err := s.ClaimDeliveries(t.Context(), booking.DeliveryClaim{Endpoint: endpoint, Owner: owner, Limit: 100, Lease: time.Minute})
	require.NoError(t, err)
	said := []string{}
	for _, d := range list {
		said = append(said, fmt.Sprintf("%c:%d", d.Booking[len(d.Booking)-1], d.Version))
	}
	return list, said
}

func settled(t *testing.T, s *store.Store, owner string, state booking.DeliveryState, retryIn time.Duration, list ...booking.Delivery) {
	t.Helper()
	var results []booking.DeliveryResult
	for _, d := range list {
		results = append(results, booking.DeliveryResult{Delivery: d, Owner: owner, State: state, RetryIn: retryIn, Status: 500, Error: "http_500"})
	}
	require.NoError(t, s.SettleDeliveries(t.Context(), results))
}

func order(change ...func(*booking.DeliveryOrder)) booking.DeliveryOrder {
	o := booking.DeliveryOrder{Actor: booking.SupportActor("sue"), Role: "supervisor", RequestID: "r-1", Reason: "they lost them"}
	for _, f := range change {
		f(&o)
	}
	return o
}

func TestADeliveryIsStoredOnceForEachEndpointAndEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("b", 1, 1))
		again := delivery("a", 1, 1)
		again.Body = `{"another":"body"}`
		add(t, s, again, delivery("a", 2, 1))
		list, said := claimed(t, s, "a", "me.1")
		require.Equal(t, []string{"1:1", "2:1"}, said)
		want := delivery("a", 1, 1)
		require.Equal(t, want.Body, list[0].Body, "byte for byte, and the first one")
		require.Equal(t, []any{want.Event, want.Type, want.Booking, 1}, []any{list[0].Event, list[0].Type, list[0].Booking, list[0].Attempts})
		_, said = claimed(t, s, "b", "me.2")
		require.Equal(t, []string{"1:1"}, said)
	})
}

func TestTheNextEventOfABookingWaitsUntilTheOneBeforeItIsDeliveredOrDead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("a", 1, 2), delivery("a", 2, 1), delivery("a", 1, 3))
		first, said := claimed(t, s, "a", "me.1")
		require.Equal(t, []string{"1:1", "2:1"}, said, "one of each booking")
		_, said = claimed(t, s, "a", "me.2")
		require.Empty(t, said, "it is being sent")
		add(t, s, delivery("a", 1, 4))
		_, said = claimed(t, s, "a", "me.2")
		require.Empty(t, said, "what comes meanwhile waits, too")

		settled(t, s, "me.1", booking.DeliveryDue, time.Hour, first[0])
		_, said = claimed(t, s, "a", "me.3")
		require.Empty(t, said, "it is to be tried again in an hour, and nothing overtakes it")

		settled(t, s, "me.1", booking.DeliveryDelivered, 0, first[1])
		require.NoError(t, s.Exec(t.Context(), "UPDATE webhook_deliveries SET due_at = 1 WHERE due_at IS NOT NULL"))
		first, said = claimed(t, s, "a", "me.4")
		require.Equal(t, []string{"1:1"}, said, "whatever the others' due times say")
		require.Equal(t, 2, first[0].Attempts)
		require.Equal(t, "http_500", first[0].LastError)
		settled(t, s, "me.4", booking.DeliveryDelivered, 0, first...)

		second, said := claimed(t, s, "a", "me.5")
		require.Equal(t, []string{"1:2"}, said)
		settled(t, s, "me.5", booking.DeliveryDue, time.Hour, second...)
		behind, err := s.Deliveries(t.Context(), booking.DeliveryFilter{State: booking.DeliveryDue, Limit: 10})
		require.NoError(t, err)
		require.Len(t, behind, 3)
		for _, d := range behind {
			require.Equal(t, behind[0].Due, d.Due, "what waits behind it is not looked at before it")
		}
		require.NoError(t, s.Exec(t.Context(), "UPDATE webhook_deliveries SET due_at = 1 WHERE version = 2"))
		second, _ = claimed(t, s, "a", "me.6")
		settled(t, s, "me.6", booking.DeliveryDead, 0, second...)
		_, said = claimed(t, s, "a", "me.7")
		require.Equal(t, []string{"1:3"}, said, "due at once, although it was to wait with the one before it")

		later, sooner := delivery("a", 3, 1), delivery("a", 3, 1)
		later.Event, later.Part = later.Event+"2", 1
		add(t, s, later)
		add(t, s, sooner)
		list, said := claimed(t, s, "a", "me.8")
		require.Equal(t, []string{"3:1"}, said)
		require.Zero(t, list[0].Part, "of one version, too")
	})
}

func TestWhatAProcessDiedWithIsSentAgainAndItsLateWordDoesNotCount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("a", 1, 2))
		dead, _ := claimed(t, s, "a", "dead.1")
		require.NoError(t, s.Exec(t.Context(), "UPDATE webhook_deliveries SET due_at = 1 WHERE version = 1")) // its lease has run out
		again, said := claimed(t, s, "a", "me.1")
		require.Equal(t, []string{"1:1"}, said)
		require.Equal(t, dead[0].Event, again[0].Event)
		require.Equal(t, dead[0].Body, again[0].Body)
		settled(t, s, "dead.1", booking.DeliveryDead, 0, dead...)
		_, said = claimed(t, s, "a", "me.2")
		require.Empty(t, said, "the first is still being sent")
		settled(t, s, "me.1", booking.DeliveryDelivered, 0, again...)
		settled(t, s, "me.1", booking.DeliveryDead, 0, again...)

		next, said := claimed(t, s, "a", "me.3")
		require.Equal(t, []string{"1:2"}, said)
		settled(t, s, "me.3", booking.DeliveryDue, time.Hour, next...)
		settled(t, s, "dead.1", booking.DeliveryDead, 0, dead...)
		_, said = claimed(t, s, "a", "me.4")
		require.Empty(t, said, "what comes behind it does not hear of it either")
		list, err := s.Deliveries(t.Context(), booking.DeliveryFilter{State: booking.DeliveryDelivered, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

func TestNobodyIsGivenADeliveryThatAnotherHas(t *testing.T) {
	t.Parallel()
	const bookings, versions, claimers = 20, 3, 4
	for name, config := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			var all []booking.Delivery
			for n := range bookings {
				for v := range versions {
					all = append(all, delivery("a", n+1, v+1))
				}
			}
			first := storetest.Open(t, cfg)
			add(t, first, all...)
			var mu sync.Mutex
			last, times := map[booking.ID]int{}, map[string]int{}
			var claiming sync.WaitGroup
			for i := range claimers {
				s := storetest.Open(t, cfg)
				claiming.Go(func() {
					for round := 0; ; round++ {
						owner := fmt.Sprintf("%d.%d", i, round)
						list, err := s.ClaimDeliveries(t.Context(), booking.DeliveryClaim{Endpoint: "a", Owner: owner, Limit: 3, Lease: time.Hour})
						if err != nil {
							t.Errorf("claim: %v", err)
							return
						}
						mu.Lock()
						for _, d := range list {
							if times[d.Event]++; d.Version != last[d.Booking]+1 {
								t.Errorf("%s: version %d after %d", d.Booking, d.Version, last[d.Booking])
							}
							last[d.Booking] = d.Version
						}
						done := len(times) == len(all)
						mu.Unlock()
						var results []booking.DeliveryResult
						for _, d := range list {
							results = append(results, booking.DeliveryResult{Delivery: d, Owner: owner, State: booking.DeliveryDelivered})
						}
						if err := s.SettleDeliveries(t.Context(), results); err != nil {
							t.Errorf("settle: %v", err)
						}
						if done || t.Failed() {
							return
						}
					}
				})
			}
			claiming.Wait()
			require.Len(t, times, len(all))
			for event, n := range times {
				require.Equal(t, 1, n, event)
			}
		})
	}
}

func TestDeliveriesAreListedByEndpointStateAndBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("a", 1, 2), delivery("b", 1, 1), delivery("a", 2, 1), delivery("a", 3, 1))
		list, _ := claimed(t, s, "a", "me.1")
		settled(t, s, "me.1", booking.DeliveryDelivered, 0, list[0])
		settled(t, s, "me.1", booking.DeliveryDead, 0, list[1])
		for want, f := range map[string]booking.DeliveryFilter{
			"a3:1 a2:1 b1:1 a1:2 a1:1": {},
			"a3:1 a2:1 a1:2 a1:1":      {Endpoint: "a"},
			"b1:1 a1:2 a1:1":           {Booking: bookingNumber(1)},
			"a3:1 b1:1 a1:2":           {State: booking.DeliveryDue},
			"a1:1":                     {State: booking.DeliveryDelivered},
			"a2:1":                     {State: booking.DeliveryDead, Endpoint: "a", Booking: bookingNumber(2)},
			"":                         {Endpoint: "\x00"},
			" ":                        {Booking: "no id"},
			"  ":                       {Endpoint: "none"},
		} {
			f.Limit = 10
			found, err := s.Deliveries(t.Context(), f)
			require.NoError(t, err)
			said := []string{}
			for _, d := range found {
				said = append(said, fmt.Sprintf("%s%c:%d", d.Endpoint, d.Booking[len(d.Booking)-1], d.Version))
				require.Empty(t, d.Body)
			}
			require.Equal(t, strings.TrimSpace(want), strings.Join(said, " "))
		}
		page, err := s.Deliveries(t.Context(), booking.DeliveryFilter{Limit: 2})
		require.NoError(t, err)
		next, err := s.Deliveries(t.Context(), booking.DeliveryFilter{Limit: 2, Before: page[1].ID})
		require.NoError(t, err)
		require.Equal(t, []any{"b", 2}, []any{next[0].Endpoint, next[1].Version})
		dead, err := s.Deliveries(t.Context(), booking.DeliveryFilter{State: booking.DeliveryDead, Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []any{500, "http_500", 1, true, false}, []any{dead[0].Status, dead[0].LastError, dead[0].Attempts, dead[0].Due.IsZero(), dead[0].Ended.IsZero()})
	})
}

func TestNothingIsClaimedForAnEndpointThatIsPausedByAPersonOrByItself(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("b", 1, 1))
		for _, byItself := range []bool{true, false} {
			change := booking.PauseChange{What: booking.PauseOfWebhook("a"), Paused: true, Actor: booking.SupportActor("sue"), Reason: "they said so"}
			if byItself {
				news, err := s.PauseEndpoint(t.Context(), "a", "it is gone")
				require.NoError(t, err)
				require.True(t, news)
				news, err = s.PauseEndpoint(t.Context(), "a", "it is gone again")
				require.NoError(t, err)
				require.False(t, news)
				pauses, err := s.Pauses(t.Context())
				require.NoError(t, err)
				require.Equal(t, []booking.Pause{{What: "webhook:a", Since: pauses[0].Since, Actor: booking.SystemActor, Reason: "it is gone"}}, pauses)
			} else {
				require.NoError(t, s.Pause(t.Context(), change))
			}
			_, said := claimed(t, s, "a", "me.1")
			require.Empty(t, said)
			figures, err := s.DeliveryFigures(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, []any{1, true}, []any{figures.Due, figures.Paused})
			change.Paused = false
			require.NoError(t, s.Pause(t.Context(), change))
			figures, err = s.DeliveryFigures(t.Context(), "a")
			require.NoError(t, err)
			require.False(t, figures.Paused)
			list, said := claimed(t, s, "a", "me.2")
			require.Equal(t, []string{"1:1"}, said)
			settled(t, s, "me.2", booking.DeliveryDue, 0, list...)
		}
		_, said := claimed(t, s, "b", "me.3")
		require.Equal(t, []string{"1:1"}, said, "and nobody else")
		_, findings := verified(t, s, "")
		require.Empty(t, findings)
	})
}

func TestADeadLetterIsRetriedOnceAndTheAuditSaysByWhom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1))
		list, _ := claimed(t, s, "a", "me.1")
		retry := order(func(o *booking.DeliveryOrder) { o.Delivery = list[0].ID })
		require.ErrorIs(t, s.RetryDelivery(t.Context(), retry), booking.ErrNotDead)
		settled(t, s, "me.1", booking.DeliveryDead, 0, list...)
		require.ErrorIs(t, s.RetryDelivery(t.Context(), order(func(o *booking.DeliveryOrder) { o.Delivery = 4711 })), booking.ErrNotFound)
		customer := retry
		customer.Actor = booking.CustomerActor
		require.ErrorContains(t, s.RetryDelivery(t.Context(), customer), "none of our own people")

		require.NoError(t, s.RetryDelivery(t.Context(), retry))
		again, said := claimed(t, s, "a", "me.2")
		require.Equal(t, []string{"1:1"}, said)
		require.Equal(t, 1, again[0].Attempts, "as if it had never been tried")
		require.Equal(t, list[0].Body, again[0].Body)
		require.ErrorIs(t, s.RetryDelivery(t.Context(), retry), booking.ErrNotDead)

		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, 1, report.Actions)
		lines, err := s.Lines(t.Context(), "SELECT concat_ws(' ', booking_id, actor, role, action, asked, request_id) FROM audit")
		require.NoError(t, err)
		require.Equal(t, []string{serviceItself + " support:sue supervisor webhook_retry endpoint=a event=" + list[0].Event + " r-1"}, lines)
		log, err := s.PauseLog(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, log, "it is no pause")
	})
}

func TestAReplaySendsWhatWasDeliveredDeadForgottenOrWaits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("a", 2, 1), delivery("a", 3, 1), delivery("a", 4, 1), delivery("b", 1, 1))
		list, _ := claimed(t, s, "a", "me.1")
		settled(t, s, "me.1", booking.DeliveryDelivered, 0, list[0])
		settled(t, s, "me.1", booking.DeliveryDead, 0, list[1])
		settled(t, s, "me.1", booking.DeliveryDue, time.Hour, list[2])

		again := delivery("a", 1, 1)
		again.Body = `{"another":"body"}`
		replay := order(func(o *booking.DeliveryOrder) { o.Endpoint, o.Booking = "a", bookingNumber(1) })
		require.NoError(t, s.Redeliver(t.Context(), replay,
			[]booking.Delivery{again, delivery("a", 1, 2), delivery("a", 2, 1), delivery("a", 3, 1), delivery("a", 4, 1)}))
		first, said := claimed(t, s, "a", "me.2")
		require.Equal(t, []string{"1:1", "2:1", "3:1"}, said, "and the fourth is on its way already")
		require.Equal(t, list[0].Body, first[0].Body, "the same bytes as before")
		settled(t, s, "me.2", booking.DeliveryDelivered, 0, first...)
		_, said = claimed(t, s, "a", "me.3")
		require.Equal(t, []string{"1:2"}, said, "in order")
		lines, err := s.Lines(t.Context(), "SELECT concat_ws(' ', actor, role, action, asked, request_id) FROM audit")
		require.NoError(t, err)
		require.Equal(t, []string{"support:sue supervisor webhook_replay endpoint=a events=5 booking=" + string(bookingNumber(1)) + " r-1"}, lines)
		_, findings := verified(t, s, "")
		require.Empty(t, findings)
	})
}

func TestOldDeliveriesArePurgedGivenUpAndAbandonedAndDeadLettersStay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add(t, s, delivery("a", 1, 1), delivery("a", 2, 1), delivery("a", 3, 1), delivery("gone", 1, 1))
		list, _ := claimed(t, s, "a", "me.1")
		settled(t, s, "me.1", booking.DeliveryDelivered, 0, list[0])
		settled(t, s, "me.1", booking.DeliveryDue, time.Hour, list[1])

		figures, err := s.DeliveryFigures(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []int{2, 0}, []int{figures.Due, figures.Dead})
		none, err := s.DeliveryFigures(t.Context(), "none")
		require.NoError(t, err)
		require.Equal(t, booking.DeliveryFigures{}, none)

		cleared := func(n int, err error) int { require.NoError(t, err); return n }
		require.Zero(t, cleared(s.PurgeDeliveries(t.Context(), time.Hour)))
		require.Zero(t, cleared(s.GiveUpDeliveries(t.Context(), "a", time.Hour)))
		require.Zero(t, cleared(s.AbandonDeliveries(t.Context(), []string{"a"}, time.Hour)))
		require.NoError(t, s.Exec(t.Context(), "UPDATE webhook_deliveries SET since_at = since_at - 7200000000, delivered_at = delivered_at - 7200000000"))
		figures, err = s.DeliveryFigures(t.Context(), "a")
		require.NoError(t, err)
		require.Greater(t, figures.Lag, time.Hour)
		require.Equal(t, 1, cleared(s.PurgeDeliveries(t.Context(), time.Hour)))
		require.Equal(t, 1, cleared(s.GiveUpDeliveries(t.Context(), "a", time.Hour)), "and not the one that is being sent")
		require.Equal(t, 1, cleared(s.AbandonDeliveries(t.Context(), []string{"a"}, time.Hour)))
		require.Equal(t, 0, cleared(s.AbandonDeliveries(t.Context(), nil, 3*time.Hour)))
		require.Zero(t, cleared(s.PurgeDeliveries(t.Context(), 0)), "dead letters stay")
		left, err := s.Lines(t.Context(), "SELECT concat_ws(' ', endpoint, last_error, CASE WHEN dead_at IS NULL THEN 'due' ELSE 'dead' END) FROM webhook_deliveries ORDER BY id")
		require.NoError(t, err)
		require.Equal(t, []string{"a http_500 dead", "a  due", "gone endpoint_gone dead"}, left)
	})
}
