package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestAClaimThatLeavesSuppliersOutTakesTheLongestDueOfTheOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // to be repeated
		for round := range 12 {
			suppliers := 1 + random.IntN(12)
			type waiting struct {
				id       booking.ID
				supplier string
				since    time.Duration
			}
			var all []waiting
			for n := range 40 {
				w := waiting{supplier: fmt.Sprintf("s%d", random.IntN(suppliers)), since: time.Duration(1+random.IntN(1_000_000)) * time.Second}
				w.id = accepted(t, s, round*100+n, func(a *booking.Acceptance) {
					a.Booking.Offer.Supplier, a.Booking.DueAt = w.supplier, a.Booking.UpdatedAt.Add(-w.since)
				}).ID
				all = append(all, w)
			}
			accepted(t, s, round*100+50, func(a *booking.Acceptance) {
				a.Booking.Offer.Supplier, a.Booking.DueAt = "later", a.Booking.UpdatedAt.Add(time.Hour)
			})
			slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(b.since, a.since) })
			for claim := 0; len(all) > 0; claim++ {
				c := booking.Claim{Pool: booking.ProviderPool, Limit: 1 + random.IntN(8), Owner: fmt.Sprintf("a.%d-%d", round, claim), Lease: time.Hour}
				for n := range suppliers {
					if claim < 5 && random.IntN(3) == 0 {
						c.Except = append(c.Except, fmt.Sprintf("s%d", n))
					}
				}
				var want, got []booking.ID
				all = slices.DeleteFunc(all, func(w waiting) bool {
					take := len(want) < c.Limit && !slices.Contains(c.Except, w.supplier)
					if take {
						want = append(want, w.id)
					}
					return take
				})
				claimed, err := s.Claim(t.Context(), c)
				require.NoError(t, err)
				for _, b := range claimed {
					got = append(got, b.ID)
				}
				require.ElementsMatch(t, want, got)
			}
		}
	})
}

func TestEverySupplierHasItsTurnHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open func(testing.TB, ...func(*store.Config)) *store.Store
		id   string
	}{
		"sqlite":   {storetest.SQLite, "'crowd-' || i"},
		"postgres": {storetest.OnPostgres, "CAST(md5('crowd-' || i) AS UUID)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const suppliers, limit = 2*store.LanesAtOnce + 88, 50
			s := c.open(t)
			multiply(t, s, accepted(t, s, 1), suppliers-1, c.id)
			require.NoError(t, s.Exec(t.Context(), "UPDATE places SET supplier = 's' || CAST(id AS TEXT)"))
			accepted(t, s, 2, func(a *booking.Acceptance) { a.Booking.Offer.Supplier = "busy" })
			met := map[booking.ID]bool{}
			for n := 0; len(met) < suppliers; n++ {
				claimed, err := s.Claim(t.Context(), booking.Claim{
					Pool: booking.ProviderPool, Limit: limit, Except: []string{"busy"}, Owner: fmt.Sprintf("a.%d", n), Lease: time.Hour,
				})
				require.NoError(t, err)
				require.Len(t, claimed, min(limit, suppliers-len(met)), "as many as wanted, while there are any")
				for _, b := range claimed {
					met[b.ID] = true
				}
			}
		})
	}
}

func TestALeaseEndsOnTheShelfOfTheStatus(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		listed := func(status booking.Status) int {
			found, err := s.List(t.Context(), booking.Filter{Statuses: []booking.Status{status}, Supplier: "sandbox", Limit: 5})
			require.NoError(t, err)
			return len(found)
		}
		accepted(t, s, 1, func(a *booking.Acceptance) { a.Booking.Offer.Supplier = "sandbox" })
		require.Equal(t, 1, listed(booking.StatusPending), "waiting")
		claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
		require.Equal(t, 1, listed(booking.StatusPending), "leased")
		after, entry := turn(claimed[0], booking.Next())
		require.NoError(t, s.Save(t.Context(), after, entry, booking.KeepLease))
		require.Zero(t, listed(booking.StatusPending))
		require.Equal(t, 1, listed(booking.StatusProcessing), "moved under the lease")
		_, err = s.Renew(t.Context(), []booking.Lease{{ID: after.ID, Owner: "a.1"}}, 0)
		require.NoError(t, err)
		require.Equal(t, 1, listed(booking.StatusProcessing), "given back")
		require.Zero(t, listed(booking.StatusPending))
	})
}

func TestClaimsAtOnceThatLeaveSuppliersOutTakeEachBookingOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const waiting, claimers = 90, 4
		for n := range waiting {
			accepted(t, s, n, func(a *booking.Acceptance) { a.Booking.Offer.Supplier = fmt.Sprintf("s%d", n%3) })
		}
		accepted(t, s, waiting, func(a *booking.Acceptance) { a.Booking.Offer.Supplier = "busy" })
		var done sync.WaitGroup
		claims := make([][]*booking.Booking, claimers)
		claim := func(owner string) []*booking.Booking {
			claimed, err := s.Claim(t.Context(), booking.Claim{
				Pool: booking.ProviderPool, Limit: 5, Except: []string{"busy"}, Owner: owner, Lease: time.Hour,
			})
			if err != nil || len(claimed) > 5 {
				t.Errorf("claimed %d: %v", len(claimed), err)
			}
			return claimed
		}
		for i := range claimers {
			done.Go(func() {
				for n := range waiting / 5 { // no more: a claim may find nothing because others are at it
					claims[i] = append(claims[i], claim(fmt.Sprintf("%d.%d", i, n))...)
				}
			})
		}
		done.Wait()
		for last := claim("last.0"); len(last) > 0; last = claim(fmt.Sprintf("last.%d", len(claims))) {
			claims = append(claims, last)
		}
		met := map[booking.ID]bool{}
		for _, b := range slices.Concat(claims...) {
			require.False(t, met[b.ID], "claimed twice")
			require.NotEqual(t, "busy", b.Offer.Supplier)
			met[b.ID] = true
		}
		require.Len(t, met, waiting)
	})
}
