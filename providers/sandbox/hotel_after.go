package sandbox

import (
	"net/http"
	"time"
)

// penalty is what cancelling costs from a moment on; the first of a policy has no moment: it holds from the start.
type penalty struct {
	From    *time.Time `json:"from"` // in the hotel's time zone
	Penalty money      `json:"penalty"`
}

func policyOf(p policy, minor int64, currency string, stay stayRequest, zone *time.Location, now time.Time) []penalty {
	all := inMoney(minor, currency)
	arrival, err := time.ParseInLocation(time.DateOnly, stay.CheckIn, zone)
	if p == policyNoBack || err != nil {
		return []penalty{{Penalty: all}}
	}
	evening := arrival.AddDate(0, 0, -1).Add(18 * time.Hour)
	policy := []penalty{{Penalty: inMoney(0, currency)}}
	if p == policyFee {
		yesterday := now.Add(-24 * time.Hour).In(zone).Truncate(time.Second)
		policy = append(policy, penalty{From: &yesterday, Penalty: inMoney(minor/5, currency)})
	}
	return append(policy, penalty{From: &evening, Penalty: all})
}

// dueAt is what cancelling costs at a moment, in minor units.
func (r *reservation) dueAt(now time.Time) int64 {
	var due int64
	for _, p := range r.Policy {
		if p.From == nil || !now.Before(*p.From) {
			due, _ = p.Penalty.minor() // written by policyOf
		}
	}
	return due
}

type referenceRequest struct {
	Reference string `json:"reference"`
}

func readRelease(_ *http.Request, body []byte) (request, error) {
	var in referenceRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	return request{reference: in.Reference, apply: func(c *change) answer {
		return c.release(in.Reference)
	}}, checkReference(in.Reference)
}

func readCancel(_ *http.Request, body []byte) (request, error) {
	var in referenceRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	return request{reference: in.Reference, apply: func(c *change) answer {
		return c.cancelRoom(in.Reference)
	}}, checkReference(in.Reference)
}

// cancelRoom ends a booking by its policy; of anything less it is a release. Either way it is for good.
func (c *change) cancelRoom(reference string) answer {
	r := c.stay(reference)
	if r == nil || (r.State != stayConfirmed && r.State != stayCancelling) {
		return c.release(reference)
	}
	s, _ := scriptOf(r.Token)
	switch {
	case s.cancel == cancelRefuses:
		return refuse(http.StatusConflict, "cancellation_refused", "the hotel does not let this booking go")
	case r.State == stayCancelling:
	case s.cancel == cancelPends:
		r.State, r.PenaltyDue = stayCancelling, r.dueAt(c.now)
		r.Later, r.LaterAt = laterCancels, c.now.Add(c.cfg.SettleAfter)
		c.did("cancelling")
	case s.cancel == cancelWorks:
		r.Later = ""
		c.cancel(reference, r, r.dueAt(c.now))
		return answer{status: http.StatusOK, body: r.view(reference)}
	}
	return answer{status: http.StatusAccepted, body: r.view(reference)}
}

func readRetrieve(r *http.Request, _ []byte) (request, error) {
	reference := r.PathValue("reference")
	return request{reference: reference, apply: func(c *change) answer {
		r := c.look(reference)
		if r == nil {
			return refuse(http.StatusNotFound, "reference_unknown", "nothing is known under this reference")
		}
		s, _ := scriptOf(r.Token)
		silent := s.confirm == confirmLostAsking && r.Asked && r.State == stayHeld
		return answer{status: http.StatusOK, body: r.view(reference), silent: silent}
	}}, checkReference(reference)
}

type cancelQuote struct {
	Reference string    `json:"reference"`
	Status    stayState `json:"status"`
	Penalty   money     `json:"penalty"` // due if it is cancelled now
	Policy    []penalty `json:"cancellation_policy"`
}

func readCancelQuote(r *http.Request, _ []byte) (request, error) {
	reference := r.PathValue("reference")
	return request{reference: reference, apply: func(c *change) answer {
		r := c.look(reference)
		if r == nil {
			return refuse(http.StatusNotFound, "reference_unknown", "nothing is known under this reference")
		}
		due := int64(0)
		switch r.State {
		case stayConfirmed, stayCancelling:
			due = r.dueAt(c.now)
		case stayCancelled:
			due = r.PenaltyDue
		case stayHeld, stayExpired, staySoldOut, stayPending, stayReleased:
		}
		return answer{status: http.StatusOK, body: cancelQuote{
			Reference: reference, Status: r.State, Penalty: inMoney(due, r.Currency), Policy: r.Policy,
		}}
	}}, checkReference(reference)
}
