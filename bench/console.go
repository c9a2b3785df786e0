package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hotelbooking/booking"
)

const (
	consoleBookings = 1_000_000 // in the tables, beside those that the scenario names
	consoleLooks    = 40        // at each page
	consoleWithin   = 20 * time.Minute
	rareShare       = 100 // one booking of so many failed, and one waits for a person
)

// console measures how long the pages of the support console take while the tables are empty, and with a million bookings.
func console(ctx context.Context, b *bench) error {
	b.report.note("%d looks at each page, one after the other, over HTTP: the page's own HTML, whole; csv: the first 64 kB", consoleLooks)
	b.report.note("bookings: rows made by SQL, confirmed but for one of %d that failed and one of %[1]d that waits for a person; as after autovacuum on PostgreSQL, never analysed on SQLite", rareShare)
	for _, kind := range b.Databases {
		if err := b.consoleOn(ctx, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func (b *bench) consoleOn(ctx context.Context, kind string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, consoleWithin)
	defer cancel()
	db, err := b.open(ctx, kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	c, err := newCrowded(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	confirmed, err := c.walked(ctx)
	if err != nil {
		return fmt.Errorf("walk one booking to its end: %w", err)
	}
	failed, err := c.told(ctx, booking.Reject(booking.OfferSoldOut))
	if err != nil {
		return err
	}
	waiting, err := c.told(ctx, booking.Park(booking.Staff, booking.OutcomeUnknown))
	if err != nil {
		return err
	}
	if err := b.consolePages(ctx, db, c, confirmed, 0); err != nil {
		return err
	}
	now, hour := time.Now().UTC().Truncate(time.Microsecond), time.Hour
	made := 0
	for _, crowd := range []crowd{
		{of: confirmed, letter: "A", from: now.Add(-400 * 24 * hour), to: now.Add(-hour), n: b.scaled(consoleBookings) / rareShare * (rareShare - 2)},
		{of: failed, letter: "B", from: now.Add(-400 * 24 * hour), to: now.Add(-time.Minute), n: b.scaled(consoleBookings) / rareShare},
		{of: waiting, letter: "C", from: now.Add(-400 * 24 * hour), to: now.Add(-time.Minute), n: b.scaled(consoleBookings) / rareShare},
	} {
		b.say("console: %s, %d rows more", kind, crowd.n)
		n, err := c.fill(ctx, crowd)
		if err != nil {
			return err
		}
		made += n
	}
	return b.consolePages(ctx, db, c, confirmed, made)
}

// told is a booking to which one step has said just this.
func (c *crowded) told(ctx context.Context, o booking.Outcome) (*booking.Booking, error) {
	b, err := c.accept(ctx, time.Hour)
	if err != nil {
		return nil, err
	}
	claimed, err := c.claim(ctx, 1)
	if err != nil || len(claimed) != 1 || claimed[0].ID != b.ID {
		return nil, errors.Join(err, errors.New("what was accepted last was not claimed"))
	}
	held := claimed[0]
	for now := held.UpdatedAt; ; now = now.Add(time.Millisecond) {
		entry := c.flow.Apply(held, o, now)
		if held.Place.Phase == booking.Parked || held.Place.Phase == booking.Ended {
			return held, c.store.Save(ctx, held, entry, 0)
		}
		if err := c.store.Save(ctx, held, entry, booking.KeepLease); err != nil {
			return nil, err
		}
		o = booking.Next() // what was begun is given back
	}
}

// consolePages measures every page with what is in the tables. The store of this process is closed meanwhile on SQLite, whose
// file has one writer.
func (b *bench) consolePages(ctx context.Context, db *database, c *crowded, known *booking.Booking, bookings int) (err error) {
	if err := c.close(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.open(ctx)) }()
	service, err := b.serviceProcess(ctx, db, "http://127.0.0.1:1") // nothing is due, so nobody is called
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.stop()) }()
	visitor, err := signIn(ctx, service.base, filepath.Join(db.dir, "data", "keys", "support.key"))
	if err != nil {
		return err
	}
	for _, page := range []struct{ name, path string }{
		{"all", "/support"},
		{"needs attention", "/support?attention=any"},
		{"one reason", "/support?attention=outcome_unknown"},
		{"failed, one code", "/support?failure=offer_sold_out"},
		{"failed in the last hour", "/support?status=failed&newer_than=1h"},
		{"stuck", "/support?status=pending&status=processing&status=cancelling&older_than=15m"},
		{"confirmed, not captured", "/support?uncaptured=true"},
		{"a year ago", "/support?status=confirmed&older_than=365d"},
		{"how many, all", "/support/count"},
		{"how many need attention", "/support/count?attention=any"},
		{"find by reference", "/support?q=" + known.Reference},
		{"find by what is not there", "/support?q=no-such-thing"},
		{"a booking", "/support/bookings/" + string(known.ID)},
		{"overview", "/support/overview"},
		{"csv", "/support/bookings.csv"},
	} {
		var runs []sample
		for range b.Runs {
			s, err := visitor.look(ctx, page.path)
			if err != nil {
				return fmt.Errorf("%s: %w", page.name, err)
			}
			runs = append(runs, s)
		}
		b.report.measured(labels("database", db.kind, "bookings", bookings, "page", page.name), runs)
	}
	return nil
}

// visitor is somebody who has signed in to the console.
type visitor struct {
	base, cookie string
	client       *http.Client
}

// signIn opens a session. The cookie is for https, or for a browser that knows its own machine: this one takes it as it comes.
func signIn(ctx context.Context, base, keyFile string) (*visitor, error) {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	v := &visitor{base: base, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	form := url.Values{"key": {strings.TrimSpace(string(key))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/support/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	for _, cookie := range response.Cookies() {
		v.cookie = cookie.Name + "=" + cookie.Value
	}
	if err := response.Body.Close(); err != nil || v.cookie == "" {
		return nil, errors.Join(err, fmt.Errorf("signing in was answered with %d and no session", response.StatusCode))
	}
	return v, nil
}

// look opens a page so many times, after once to warm it.
func (v *visitor) look(ctx context.Context, path string) (s sample, err error) {
	var size int64
	get := func() error {
		size, err = v.get(ctx, path)
		return err
	}
	if err := get(); err != nil {
		return nil, err
	}
	taken, err := timed(consoleLooks, get)
	if err != nil {
		return nil, err
	}
	s.add("p50_ms", milliseconds(percentile(taken, 50)))
	s.add("p99_ms", milliseconds(percentile(taken, 99)))
	s.add("kilobytes", float64(size)/1000)
	return s, nil
}

func (v *visitor) get(ctx context.Context, path string) (size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Cookie", v.cookie)
	request.Header.Set("Accept", "text/html")
	response, err := v.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	const enough = 64_000
	size, err = io.Copy(io.Discard, io.LimitReader(response.Body, enough))
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusSeeOther { // one hit leads to its page
		return size, fmt.Errorf("%s was answered with %d", path, response.StatusCode)
	}
	return size, err
}
