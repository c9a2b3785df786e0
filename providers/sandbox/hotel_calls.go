package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

type holdRequest struct {
	Reference     string      `json:"reference"`
	OfferToken    string      `json:"offer_token"`
	ExpectedTotal money       `json:"expected_total"` // what was quoted; the room is held at today's price, which the answer names
	Stay          stayRequest `json:"stay"`
}

type stayRequest struct {
	HotelID  string        `json:"hotel_id"`
	Timezone string        `json:"timezone,omitempty"` // IANA; absent or unknown: UTC
	CheckIn  string        `json:"check_in"`
	CheckOut string        `json:"check_out"`
	Rooms    []roomRequest `json:"rooms"`
}

type roomRequest struct {
	Adults    int            `json:"adults"`
	ChildAges []int          `json:"child_ages,omitempty"`
	Guests    []guestRequest `json:"guests,omitempty"`
	Requests  string         `json:"special_requests,omitempty"`
}

type guestRequest struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Lead       bool   `json:"lead,omitempty"`
}

type confirmRequest struct {
	Reference  string      `json:"reference"`
	OfferToken string      `json:"offer_token"`
	Total      money       `json:"total"` // of the hold
	Stay       stayRequest `json:"stay"`
	Contact    struct {
		GivenName  string `json:"given_name"`
		FamilyName string `json:"family_name"`
		Email      string `json:"email"`
		Phone      string `json:"phone,omitempty"`
		Country    string `json:"country,omitempty"`
		Language   string `json:"language,omitempty"`
	} `json:"contact"`
}

func (s stayRequest) problem() error {
	in, err := time.Parse(time.DateOnly, s.CheckIn)
	if err != nil {
		return errors.New("stay.check_in: want YYYY-MM-DD")
	}
	out, err := time.Parse(time.DateOnly, s.CheckOut)
	if err != nil || !out.After(in) {
		return errors.New("stay.check_out: want YYYY-MM-DD after check_in")
	}
	if s.HotelID == "" || len(s.Rooms) == 0 {
		return errors.New("stay: hotel_id and at least one room are required")
	}
	for i, room := range s.Rooms {
		if room.Adults < 1 {
			return fmt.Errorf("stay.rooms[%d].adults: want at least 1", i)
		}
	}
	return nil
}

func (s stayRequest) withoutPeople() stayRequest {
	rooms := make([]roomRequest, 0, len(s.Rooms))
	for _, room := range s.Rooms {
		rooms = append(rooms, roomRequest{Adults: room.Adults, ChildAges: room.ChildAges})
	}
	s.Rooms = rooms
	return s
}

func readHold(_ *http.Request, body []byte) (request, error) {
	var in holdRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	req := request{reference: in.Reference}
	quoted, err := in.ExpectedTotal.minor()
	if err := errors.Join(checkReference(in.Reference), err, in.Stay.problem()); err != nil {
		return req, err
	}
	s, known := scriptOf(in.OfferToken)
	req.slow = s.slow
	req.apply = func(c *change) answer {
		if !known {
			return expired.answer()
		}
		return c.holdRoom(in, s, quoted)
	}
	return req, nil
}

func (c *change) holdRoom(in holdRequest, s script, quoted int64) answer {
	if s.down {
		return refuse(http.StatusServiceUnavailable, "service_unavailable", "the supplier is down; nothing was done")
	}
	hash := digest(in.OfferToken, in.ExpectedTotal, in.Stay.withoutPeople())
	r := c.stay(in.Reference)
	if r != nil {
		switch r.State {
		case stayReleased, stayCancelled:
			return released.answer()
		case staySoldOut:
			return soldOut.answer()
		case stayHeld, stayPending, stayConfirmed, stayCancelling:
			if r.HoldHash != hash {
				c.row(in.Reference).KeysReused++
				return duplicate.answer()
			}
			return answer{status: http.StatusOK, body: r.view(in.Reference)}
		case stayExpired: // it may hold again
		}
	}
	if s.hold.code != "" {
		return s.hold.answer()
	}
	r = c.open(in.Reference, &reservation{
		State: stayHeld, Token: in.OfferToken, HoldHash: hash, HoldNumber: "SBH-" + rand.Text()[:8],
		Minor: plusPercent(quoted, s.priceUp), Currency: in.ExpectedTotal.Currency,
		PriceChanged: s.priceUp != 0, TermsChanged: s.newTerms, HeldUntil: c.now.Add(c.cfg.HoldFor),
	})
	r.Policy = policyOf(s.policy, r.Minor, r.Currency, in.Stay, c.zone(in.Stay.Timezone), c.now)
	c.row(in.Reference).hold(r.Currency)
	c.did("held")
	return answer{status: http.StatusCreated, body: r.view(in.Reference)}
}

// costsOther says that the total is another, and which.
func (r *reservation) costsOther() answer {
	total := inMoney(r.Minor, r.Currency)
	return answer{status: http.StatusConflict, body: problem{problemError{
		Code: "price_mismatch", Message: "the total is another than the one held", Total: &total,
	}}}
}

func readConfirm(_ *http.Request, body []byte) (request, error) {
	var in confirmRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	req := request{reference: in.Reference}
	minor, err := in.Total.minor()
	for i, room := range in.Stay.Rooms {
		if len(room.Guests) == 0 {
			err = errors.Join(err, fmt.Errorf("stay.rooms[%d].guests: at least one is required", i))
		}
	}
	if in.Contact.Email == "" {
		err = errors.Join(err, errors.New("contact.email: is required"))
	}
	if err := errors.Join(checkReference(in.Reference), err, in.Stay.problem()); err != nil {
		return req, err
	}
	script, known := scriptOf(in.OfferToken)
	req.slow = script.slow
	req.apply = func(c *change) answer {
		if !known {
			return expired.answer()
		}
		return c.confirmRoom(in, script, minor)
	}
	return req, nil
}

func (c *change) confirmRoom(in confirmRequest, s script, minor int64) answer {
	if s.down {
		return refuse(http.StatusServiceUnavailable, "service_unavailable", "the supplier is down; nothing was done")
	}
	r := c.stay(in.Reference)
	if r == nil {
		return refuse(http.StatusNotFound, "hold_not_found", "nothing is held under this reference")
	}
	hash := digest(in)
	switch r.State {
	case stayReleased, stayCancelled:
		return released.answer()
	case staySoldOut:
		return soldOut.answer()
	case stayExpired:
		return refuse(http.StatusGone, "hold_expired", "the hold ran out")
	case stayPending, stayConfirmed, stayCancelling:
		if r.BookHash != hash {
			c.row(in.Reference).KeysReused++
			return duplicate.answer()
		}
		return c.sayConfirmed(in.Reference, r, s)
	case stayHeld:
	}
	if r.Token != in.OfferToken {
		c.row(in.Reference).KeysReused++
		return duplicate.answer()
	}
	if r.Minor != minor || r.Currency != in.Total.Currency {
		return r.costsOther()
	}
	askedBefore := r.Asked
	r.Asked = true
	how := s.confirm
	if how == confirmCostsMore && askedBefore {
		how = confirmWorks // at the price that was named
	}
	switch how {
	case confirmRefuses:
		return s.confirmNo.answer()
	case confirmSoldOut:
		c.row(in.Reference).endHold()
		r.State = staySoldOut
		c.did("sold_out")
		return soldOut.answer()
	case confirmCostsMore:
		r.Minor = plusPercent(r.Minor, 10)
		return r.costsOther()
	case confirmLost, confirmLostAsking:
		return answer{silent: true}
	case confirmPends:
		c.row(in.Reference).endHold()
		r.State, r.BookHash = stayPending, hash
		r.Later, r.LaterAt = laterBooks, c.now.Add(c.cfg.SettleAfter)
		c.did("pending")
	case confirmWorks, confirmHangs, confirmBreaks, confirmGarbage:
		r.BookHash = hash
		c.book(in.Reference, r)
	}
	return c.sayConfirmed(in.Reference, r, s)
}

func (c *change) sayConfirmed(reference string, r *reservation, s script) answer {
	said := answer{status: http.StatusCreated, body: r.view(reference)}
	switch s.confirm {
	case confirmHangs:
		said.silent = true
	case confirmBreaks:
		return refuse(http.StatusInternalServerError, "internal_error", "something went wrong")
	case confirmGarbage:
		return answer{status: http.StatusOK, html: "<!doctype html><title>Welcome</title><h1>It works!</h1>"}
	case confirmPends:
		if r.State == stayPending {
			said.status = http.StatusAccepted
		}
	case confirmWorks, confirmRefuses, confirmSoldOut, confirmCostsMore, confirmLost, confirmLostAsking:
	}
	return said
}

func digest(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		return "unhashable: " + err.Error()
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
