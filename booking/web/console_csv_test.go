package web

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// rows reads a file as a program does, which is strict about quotes and the number of cells.
func rows(r reply) []map[string]string {
	r.Helper()
	r.is(http.StatusOK)
	require.Equal(r, "text/csv; charset=utf-8; header=present", r.header.Get("Content-Type"))
	lines, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
	require.NoError(r, err)
	require.Equal(r, csvColumns, lines[0])
	var out []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[csvColumns[i]] = cell
		}
		out = append(out, row)
	}
	return out
}

func TestTheFileHasAllThatTheFilterShowsAndNoMore(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 2*pageMax + 1 {
		s.book(i, nil)
	}
	id := s.book(999, nil)
	s.house.until(t, id, atRest)
	clerk := staff(t, s, viewerKey)
	file := clerk.get("/support/bookings.csv?status=pending")
	require.Regexp(t, `^attachment; filename="bookings-2027-01-\d\dT\d{6}Z\.csv"$`, file.header.Get("Content-Disposition"))
	require.Empty(t, file.header.Get("Bookings-Incomplete"))
	seen := map[string]bool{}
	for _, row := range rows(file) {
		require.Equal(t, "pending", row["status"])
		seen[row["id"]] = true
	}
	require.Len(t, seen, 2*pageMax+1)
	require.Len(t, rows(clerk.get("/support/bookings.csv?q=web-999")), 1)
	require.Len(t, rows(clerk.get("/support/bookings.csv?q=ana@example.com")), pageMax, "a name has no more bearers than the list shows")
	require.Empty(t, rows(clerk.get("/support/bookings.csv?status=failed")))
}

func TestALineOfTheFileHasTheMoneyInDecimalsAndNoPersonalData(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	s.house.until(t, id, atRest)
	b := s.house.rooms[id].b
	file := staff(t, s, viewerKey).get("/support/bookings.csv")
	require.Equal(t, []map[string]string{{
		"id": string(id), "reference": b.Reference, "client": "web", "client_reference": "web-1", "status": "confirmed", "payment_status": "captured",
		"currency": "EUR", "price": "346.00", "authorized": "346.00", "captured": "346.00", "refunded": "0.00", "cancellation_fee": "", "supplier": "sandbox",
		"supplier_reference": "S-" + b.Reference, "hotel_confirmation": "", "payment_reference": b.Facts.Money.Reference, "failure_code": "", "attention": "",
		"hotel_id": "h-1", "hotel": "Hotel Sol", "check_in": "2027-03-01", "check_out": "2027-03-04",
		"created_at": b.CreatedAt.Format(time.RFC3339), "updated_at": b.UpdatedAt.Format(time.RFC3339),
	}}, rows(file))
	for _, personal := range []string{"Ana", "Núñez", "example.com", "+34", "pm_card", "key-1"} {
		require.NotContains(t, string(file.body), personal)
	}
	require.Equal(t, strings.Count(string(file.body), "\n"), strings.Count(string(file.body), "\r\n"), "RFC 4180")
}

func TestWhatACancellationCostIsInTheFile(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	s.house.until(t, id, atRest)
	s.call("POST", "/v1/support/bookings/"+string(id)+"/actions/cancel", agentKey, `{"reason":"the guest called"}`).is(http.StatusAccepted)
	s.house.until(t, id, hasStatus(booking.StatusCancelled))
	row := rows(staff(t, s, viewerKey).get("/support/bookings.csv"))[0]
	b := s.house.rooms[id].b
	require.Equal(t, b.Facts.Cancellation.Fee.Decimal(), row["cancellation_fee"])
	require.Equal(t, b.Facts.Price.Of(b.Facts.Money.Refunded).Decimal(), row["refunded"])
}

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	b := s.house.rooms[id].b
	clerk := staff(t, s, viewerKey)
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", `=HYPERLINK("http://x","y")`} {
		b.Stay.HotelName, b.ClientReference = text, text
		row := rows(clerk.get("/support/bookings.csv"))[0]
		for _, column := range []string{"hotel", "client_reference"} {
			require.Equal(t, "'", row[column][:1], "%q", text)
			require.Equal(t, strings.ReplaceAll(text, "\r", ""), strings.ReplaceAll(row[column], "'", ""), "%q, but for what has no place in a cell", text)
		}
	}
	for _, text := range []string{`Hotel "Sol", Madrid`, "two\nlines", "1+1", "Núñez", ""} {
		b.Stay.HotelName = text
		require.Equal(t, text, rows(clerk.get("/support/bookings.csv"))[0]["hotel"], "%q", text)
	}
}

// endless is a house with more bookings than a file holds.
type endless struct {
	*house
	b     *booking.Booking
	n     *int
	fails int // from this page on the database is away; 0: never
}

func (e endless) List(_ context.Context, f booking.Filter) ([]*booking.Booking, error) {
	if e.fails > 0 && *e.n >= e.fails*f.Limit {
		return nil, errDown
	}
	list := make([]*booking.Booking, f.Limit)
	for i := range list {
		*e.n++
		b := *e.b
		b.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012d", 999_999_999-*e.n))
		list[i] = &b
	}
	return list, nil
}

func TestAFileThatIsNotWholeSaysSoInItsNameItsHeaderAndItsLastLine(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	clerk := staff(t, s, viewerKey)
	s.api.desk, s.api.views = endless{house: s.house, b: s.house.rooms[id].b, n: new(int)}, counted{s.house, csvMost + 1, nil}
	file := clerk.get("/support/bookings.csv")
	require.Contains(t, file.header.Get("Content-Disposition"), `-INCOMPLETE.csv"`)
	require.Equal(t, "only the newest "+strconv.Itoa(csvMost)+" are here", file.header.Get("Bookings-Incomplete"))
	all := rows(file)
	require.Len(t, all, csvMost+1)
	require.Contains(t, all[csvMost]["id"], "INCOMPLETE: only the newest 50000 bookings are here")
	_, rest, found := strings.Cut(all[csvMost]["id"], "created_before=")
	require.True(t, found)
	next, err := time.Parse(time.RFC3339, rest)
	require.NoError(t, err)
	require.True(t, s.house.rooms[id].b.CreatedAt.Before(next), "the next file begins with what this one left out")
}

func TestAFileThatBreaksOffSaysSo(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	clerk := staff(t, s, viewerKey)
	s.api.desk = endless{house: s.house, b: s.house.rooms[id].b, n: new(int), fails: 2}
	all := rows(clerk.get("/support/bookings.csv"))
	require.Len(t, all, 2*pageMax+1)
	require.Contains(t, all[2*pageMax]["id"], "INCOMPLETE: the service broke off here")
	s.api.desk = endless{house: s.house, b: s.house.rooms[id].b, n: new(int), fails: -1}
	s.house.down = errors.New("away")
	clerk.get("/support/bookings.csv").page(http.StatusServiceUnavailable)
}

func TestAFileOfAFilterThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	s := open(t)
	clerk := staff(t, s, viewerKey)
	require.Contains(t, clerk.get("/support/bookings.csv?older_than=soon&status=lost").page(http.StatusBadRequest), "Write a length of time")
	clerk.get("/support/bookings.csv?cursor=x").page(http.StatusBadRequest)
	clerk.get("/support/bookings.csv?failure=offer_sold_out&supplier=sandbox").page(http.StatusBadRequest)
}
