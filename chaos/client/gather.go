package client

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"hotelbooking/chaos/judge"
)

const askWithin = 30 * time.Second

// Witnesses are all who are asked what came of it, once nothing moves any more.
type Witnesses struct {
	Client

	Support func() string // a support key
	DB      *sql.DB
	Outside *Outside
}

// Gather collects the evidence about what clients did; stuck is how many bookings still move.
func (w Witnesses) Gather(ctx context.Context, stories []*judge.Story, stuck int) (judge.Evidence, error) {
	e := judge.Evidence{Stories: stories, Final: map[string]judge.View{}, Fees: map[string]string{}, Desk: map[string]bool{}, Stuck: stuck}
	var err error
	if e.Rows, err = judge.ReadRows(ctx, w.DB); err != nil {
		return e, err
	}
	for _, s := range stories {
		if len(s.IDs) == 0 {
			continue
		}
		var v judge.View
		switch status, err := w.Ask("/v1/bookings/"+s.IDs[0], w.Key(), &v); {
		case err != nil:
			return e, err
		case status == http.StatusOK:
			e.Final[s.IDs[0]] = v
		default:
			s.Missing++
		}
	}
	for id, r := range e.Rows {
		if r.Status == judge.Cancelled {
			var v judge.View
			if err := w.must("/v1/support/bookings/"+id, &v); err != nil {
				return e, err
			}
			e.Fees[id] = v.Cancellation.Fee.Amount
		}
	}
	if err := w.desk(e.Desk); err != nil {
		return e, err
	}
	if e.Ledger, _, err = w.Outside.Ledger(); err != nil {
		return e, err
	}
	err = w.Outside.Follow()
	e.Journal = w.Outside.Journal()
	return e, err
}

// desk notes what support's list of what needs a person shows.
func (w Witnesses) desk(shown map[string]bool) error {
	for cursor := ""; ; {
		var page struct {
			Bookings   []struct{ ID string }
			NextCursor string `json:"next_cursor"`
		}
		path := "/v1/support/bookings?attention=any&limit=100"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		if err := w.must(path, &page); err != nil {
			return err
		}
		for _, b := range page.Bookings {
			shown[b.ID] = true
		}
		if cursor = page.NextCursor; cursor == "" {
			return nil
		}
	}
}

// must asks as support for what has to be there.
func (w Witnesses) must(path string, into any) error {
	status, err := w.Ask(path, w.Support(), into)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d", path, status)
	}
	return err
}

// Ask reads from any instance, again and again for a while where there is no answer. An answer other than 200 is not read.
func (c Client) Ask(path, key string, into any) (status int, err error) {
	for deadline := time.Now().Add(askWithin); ; c.breathe() {
		a, err := Call(http.MethodGet, c.Somewhere()+path, key, "", callWithin)
		switch {
		case err == nil && a.Status == http.StatusOK:
			return a.Status, json.Unmarshal(a.Body, into)
		case err == nil && a.Status < http.StatusInternalServerError:
			return a.Status, nil
		case time.Now().After(deadline):
			return a.Status, fmt.Errorf("%s is not answered: %d %s, %v", path, a.Status, a.Body, err) //nolint:errorlint // there may be none
		}
	}
}
