package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"hotelbooking/chaos/judge"
)

// Outside is the sandbox's books of what really happened.
type Outside struct {
	URL string

	mu      sync.Mutex
	journal []judge.Entry // as far as it was read; see Follow
}

// Ledger is everything by reference, and how many calls have an effect that is still to come.
func (o *Outside) Ledger() (ledger map[string]judge.Effects, pending int, err error) {
	var view struct {
		References map[string]judge.Effects `json:"references"`
		Pending    int                      `json:"pending_effects"`
	}
	err = o.get("/_ledger", &view)
	return view.References, view.Pending, err
}

// Follow reads what is new in the journal. The sandbox keeps a hundred thousand calls, so who makes more follows it meanwhile.
func (o *Outside) Follow() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		after := int64(0)
		if n := len(o.journal); n > 0 {
			after = o.journal[n-1].Seq
		}
		var page struct {
			Entries   []judge.Entry `json:"entries"`
			Forgotten bool          `json:"older_forgotten"`
		}
		if err := o.get(fmt.Sprintf("/_journal?after=%d", after), &page); err != nil {
			return err
		}
		if page.Forgotten {
			return errors.New("the sandbox has forgotten calls that were not read")
		}
		if len(page.Entries) == 0 {
			return nil
		}
		o.journal = append(o.journal, page.Entries...)
	}
}

// Journal is what was read so far.
func (o *Outside) Journal() []judge.Entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.journal
}

func (o *Outside) get(path string, into any) error {
	a, err := Call(http.MethodGet, o.URL+path, "", "", 30*time.Second)
	switch {
	case err != nil:
		return err
	case a.Status != http.StatusOK:
		return fmt.Errorf("the sandbox's %s: %d %s", path, a.Status, a.Body)
	}
	return json.Unmarshal(a.Body, into)
}
