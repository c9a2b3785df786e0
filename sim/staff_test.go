package sim_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// staff look at what needs a person, and decide it: reviews at once, the rest once peace has come, so that nothing is left.
type staff struct {
	world *world
	luck  *dice
	peace func() bool
}

// attention is a line of support's list.
type attention struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Attention string `json:"attention"`
}

// work until everybody goes home.
func (s staff) work() {
	for s.world.pass(s.luck.about(4 * time.Second)) {
		for _, a := range s.list() {
			s.handle(a)
		}
	}
}

// list is what needs a look.
func (s staff) list() []attention {
	var page struct {
		Bookings []attention `json:"bookings"`
	}
	status, body, err := s.world.call(s.luck, http.MethodGet, "/v1/support/bookings?attention=true", staffKey, "")
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &page) != nil {
		return nil
	}
	return page.Bookings
}

// handle one of them.
func (s staff) handle(a attention) {
	verb := "retry"
	switch {
	case a.Attention == "fraud_review":
		verb = "approve"
	case !s.peace():
		return
	case a.Attention == "crashed_repeatedly", a.Attention == "capture_failed":
		verb = "cancel"
	}
	if s.decide(a, verb) == http.StatusConflict && verb == "cancel" {
		s.decide(a, "retry") // it is on its way back already, or cannot be cancelled
	}
}

// decide does one thing about it, and returns the answer's status; 0: none came.
func (s staff) decide(a attention, verb string) int {
	status, body, err := s.world.call(s.luck, http.MethodPost, "/v1/support/bookings/"+a.ID+"/actions/"+verb, staffKey, `{"reason":"a person looked at it"}`)
	s.world.trace.add(s.world.since(), "staff", "%s %s (%s): %d %v", verb, a.Reference, a.Attention, status, err)
	if err == nil && !slices.Contains([]int{http.StatusAccepted, http.StatusOK, http.StatusConflict, http.StatusServiceUnavailable, http.StatusInternalServerError}, status) {
		s.world.breach("staff: %s of %s was answered with %d: %s", verb, a.Reference, status, body)
	}
	s.world.count("staff " + verb)
	return status
}
