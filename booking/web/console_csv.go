package web

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// csvMost bounds a file. Whoever needs more takes several, a stretch of time each.
const csvMost = 50_000

// csvColumns are the names of the columns, which stay as they are: new ones come behind. No personal data is among them.
var csvColumns = []string{
	"id", "reference", "client", "client_reference", "status", "payment_status", "currency", "price", "authorized", "captured", "refunded",
	"cancellation_fee", "supplier", "supplier_reference", "hotel_confirmation", "payment_reference", "failure_code", "attention", "hotel_id", "hotel",
	"check_in", "check_out", "created_at", "updated_at",
}

// downloadCSV sends all that a view shows, newest first: not the page, the whole. A file that is not whole says so in its
// name, its header and its last line, because sums made of it would be wrong.
func (s *Server) downloadCSV(c echo.Context) error {
	v := parseSelection(c.QueryParams())
	now := s.now()
	filter := v.filter(now)
	if err := v.problem(); err != nil {
		return err
	}
	ctx, leave, err := s.occupy(c)
	defer leave()
	if err != nil {
		return err
	}
	cut, err := s.exceeds(ctx, v.Query, filter)
	if err != nil {
		return err
	}
	first, err := s.sheet(ctx, v.Query, &filter)
	if err != nil {
		return err
	}
	name, header := "bookings-"+now.UTC().Format("2006-01-02T150405Z"), c.Response().Header()
	if cut {
		name += "-INCOMPLETE"
		header.Set("Bookings-Incomplete", fmt.Sprintf("only the newest %d are here", csvMost))
	}
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	header.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`.csv"`)
	c.Response().WriteHeader(http.StatusOK)
	if err := s.writeCSV(ctx, c, v.Query, filter, first); err != nil {
		return fmt.Errorf("send the file: %w", err)
	}
	return nil
}

// exceeds tells beforehand whether there are more than fit.
func (s *Server) exceeds(ctx context.Context, query string, f booking.Filter) (bool, error) {
	if query != "" {
		return false, nil // a name has few bearers
	}
	n, err := s.views.Count(ctx, f, csvMost+1)
	return n > csvMost, err
}

// sheet reads the next page of a file, and moves the filter behind it.
func (s *Server) sheet(ctx context.Context, query string, f *booking.Filter) ([]*booking.Booking, error) {
	f.Limit = pageMax
	found, err := s.search(ctx, query, *f)
	if len(found) > 0 {
		f.After = found[len(found)-1].ID
	}
	return found, err
}

// writeCSV writes page by page, each within the write time-out counted from its beginning. The file says when it breaks off.
func (s *Server) writeCSV(ctx context.Context, c echo.Context, query string, f booking.Filter, rows []*booking.Booking) error {
	out := csv.NewWriter(c.Response())
	out.UseCRLF = true
	if err := out.Write(csvColumns); err != nil {
		return err
	}
	for written := 0; len(rows) > 0; {
		if err := outlive(c, s.config.WriteTimeout); err != nil {
			return err
		}
		for _, b := range rows {
			if written == csvMost {
				return breakOff(out, fmt.Sprintf("INCOMPLETE: only the newest %d bookings are here; take the older ones with created_before=%s", csvMost, b.CreatedAt.Add(time.Microsecond).UTC().Format(time.RFC3339Nano)))
			}
			if err := out.Write(csvRow(b)); err != nil {
				return err
			}
			written++
		}
		if out.Flush(); out.Error() != nil {
			return out.Error()
		}
		full := len(rows) == pageMax
		var err error
		if rows, err = s.sheet(ctx, query, &f); err != nil {
			return errors.Join(breakOff(out, "INCOMPLETE: the service broke off here; download the file again"), err)
		}
		if !full {
			rows = nil
		}
	}
	out.Flush()
	return out.Error()
}

func breakOff(out *csv.Writer, text string) error {
	line := make([]string, len(csvColumns)) // as many cells as all lines: programs that count them go on to the text
	line[0] = text
	if err := out.Write(line); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func csvRow(b *booking.Booking) []string {
	m, price := b.Facts.Money, b.Facts.Price
	fee := ""
	if wish := b.Facts.Cancellation; wish != nil && b.Goal == booking.Cancel {
		fee = wish.Fee.Decimal()
	}
	row := []string{
		string(b.ID), b.Reference, b.Client, b.ClientReference, string(b.Status()), string(b.PaymentStatus()), price.Currency, price.Decimal(),
		price.Of(m.Authorized).Decimal(), price.Of(m.Captured).Decimal(), price.Of(m.Refunded).Decimal(), fee, b.Offer.Supplier,
		b.Facts.Reservation.SupplierReference, b.Facts.Reservation.HotelConfirmation, m.Reference, string(b.Facts.Failure.Code), string(b.Attention),
		b.Stay.HotelID, b.Stay.HotelName, b.Stay.CheckIn, b.Stay.CheckOut, b.CreatedAt.UTC().Format(time.RFC3339), b.UpdatedAt.UTC().Format(time.RFC3339),
	}
	for i := range row {
		row[i] = inert(row[i])
	}
	return row
}

// inert keeps a text from being taken for a formula: spreadsheets run what begins so, and others wrote these texts. Where a
// comma is part of numbers they part lines by semicolons, and some by tabs, whatever the quotes say: what stands behind one may
// begin a cell, too.
func inert(text string) string {
	var out strings.Builder
	begins := true
	for _, r := range text {
		if begins && strings.ContainsRune("=+-@\t\r\n＝＋－＠", r) {
			out.WriteByte('\'')
		}
		out.WriteRune(r)
		begins = strings.ContainsRune(";\t\r\n", r) || begins && strings.ContainsRune(` "`, r)
	}
	return out.String()
}
