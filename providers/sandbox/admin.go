package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// showLedger is what really exists: ?reference= for one of them.
func (s *Server) showLedger(w http.ResponseWriter, r *http.Request) {
	s.tick(false)
	only := r.URL.Query().Get("reference")
	pending := s.late.count() // before the books: what lands in between is counted rather twice than not at all
	view := ledgerView{References: map[string]ledgerRow{}, Pending: pending}
	s.mu.Lock()
	view.Calls = s.calls
	for reference, row := range s.books.ledger {
		if only == "" || only == reference {
			view.References[reference] = row.view()
		}
	}
	s.mu.Unlock()
	s.say(w, answer{status: http.StatusOK, body: view})
}

// tick lets time work on everything, as a question about it would; settle: as if enough of it had passed.
func (s *Server) tick(settle bool) {
	s.record(Entry{System: Hotel, Operation: "time", ReceivedAt: s.cfg.Now(), Answer: nothing}, func(c *change) answer {
		for reference, r := range c.reservations {
			c.lapse(reference, r, settle)
		}
		for reference, a := range c.accounts {
			c.mature(reference, a, settle)
		}
		return answer{}
	})
}

// showJournal lists calls, oldest first: ?after= a seq, ?reference=, ?system=, ?limit= (default and most: 10000).
func (s *Server) showJournal(w http.ResponseWriter, r *http.Request) {
	const most = 10_000
	q := r.URL.Query()
	after, err := number(q.Get("after"), 0)
	limit, err2 := number(q.Get("limit"), most)
	if err := errors.Join(err, err2); err != nil {
		s.say(w, refuse(http.StatusBadRequest, "invalid_request", err.Error()))
		return
	}
	s.mu.Lock()
	kept, forgotten := s.journal.since(after)
	entries := []Entry{}
	for _, e := range kept {
		if (q.Get("reference") == "" || e.Reference == q.Get("reference")) &&
			(q.Get("system") == "" || string(e.System) == q.Get("system")) && int64(len(entries)) < min(limit, most) {
			entries = append(entries, e)
		}
	}
	s.mu.Unlock()
	s.say(w, answer{status: http.StatusOK, body: map[string]any{"entries": entries, "older_forgotten": forgotten}})
}

func number(text string, otherwise int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number from 0 up", text)
	}
	return n, nil
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	s.say(w, answer{status: http.StatusOK, body: s.dice.get()})
}

// putFaults replaces the faults of the systems that are named; the others keep theirs. An empty object clears them all.
func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	faults, err := readFaults(w, r)
	if err != nil {
		s.say(w, refuse(http.StatusBadRequest, "invalid_faults", err.Error()))
		return
	}
	if len(faults) == 0 {
		s.dice.clear()
	}
	s.dice.set(faults)
	s.showFaults(w, r)
}

func readFaults(w http.ResponseWriter, r *http.Request) (map[System]Faults, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	var named map[string]json.RawMessage
	if err := decode(body, &named); err != nil {
		return nil, err
	}
	faults := map[System]Faults{}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !slices.Contains(systems(), System(name)) {
			problems = append(problems, fmt.Errorf("%s: no such system, want one of %v", name, systems()))
			continue
		}
		var f Faults
		if err := decode(named[name], &f); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if err := f.problem(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		faults[System(name)] = f
	}
	return faults, errors.Join(problems...)
}

// SetFaults is PUT /_faults for who has the Server at hand.
func (s *Server) SetFaults(faults map[System]Faults) error {
	for system, f := range faults {
		if err := f.problem(); err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	s.dice.set(faults)
	return nil
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	s.dice.clear()
	s.showFaults(w, r)
}

// settle lands everything that is still on its way, and answers when it has.
func (s *Server) settle(w http.ResponseWriter, _ *http.Request) {
	s.Settle()
	w.WriteHeader(http.StatusNoContent)
}

// reset forgets everything: books, journal, faults, and what was still on its way.
func (s *Server) reset(w http.ResponseWriter, _ *http.Request) {
	if err := s.Reset(); err != nil {
		s.say(w, refuse(http.StatusInternalServerError, "internal_error", err.Error()))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
