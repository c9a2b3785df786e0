package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// script is what a guest books, how they behave, and how that can end.
type script struct {
	name   string
	offer  string // magic offer token
	card   string // magic payment token
	mail   string // local part of the e-mail address
	hotel  string
	answer string   // to what is asked of them: "does it", "does it silently" (only the vendor tells), "fails it"; else nothing
	sure   string   // how it ends if only processes die
	never  []string // how it can never end
}

// scripts are what guests can do. Every outcome class is among them.
func scripts() []script {
	return []script{
		{name: "works", sure: "confirmed"},
		{name: "sold out", offer: "sim_sold_out_check", sure: "failed", never: []string{"confirmed"}},
		{name: "sold out at the last moment", offer: "sim_sold_out_book", sure: "failed", never: []string{"confirmed"}},
		{name: "refused as fraud", mail: "ana+reject", sure: "failed", never: []string{"confirmed"}},
		{name: "declined, brings another card", card: "pm_card_chargeDeclinedInsufficientFunds", answer: "does it", sure: "confirmed"},
		{name: "declined, walks away", card: "pm_card_chargeDeclined", sure: "failed", never: []string{"confirmed"}},
		{name: "stolen card", card: "pm_card_chargeDeclinedStolenCard", answer: "does it", sure: "failed", never: []string{"confirmed"}},
		{name: "authenticates", card: "pm_card_authenticationRequired", answer: "does it", sure: "confirmed"},
		{name: "authenticates and closes the tab", card: "pm_card_authenticationRequired", answer: "does it silently", sure: "confirmed"},
		{name: "does not authenticate", card: "pm_card_authenticationRequired", answer: "fails it", sure: "failed", never: []string{"confirmed"}},
		{name: "accepts the new price", offer: "sim_price_up_30pct", answer: "does it", sure: "confirmed"},
		{name: "does not accept the new price", offer: "sim_price_up_30pct", sure: "failed", never: []string{"confirmed"}},
		{name: "is reviewed", mail: "ana+review", sure: "confirmed"},
		{name: "books without an answer", offer: "sim_timeout_booked", sure: "confirmed"},
		{name: "gets no answer and no room", offer: "sim_timeout_not_booked", sure: "failed", never: []string{"confirmed"}},
		{name: "books behind an error", offer: "sim_5xx_booked", sure: "confirmed"},
		{name: "books behind a web page", offer: "sim_garbage_200_booked", sure: "confirmed"},
		{name: "waits for the supplier", offer: "sim_pending_then_confirmed", sure: "confirmed"},
		{name: "cannot be charged", card: "pm_card_captureFails", sure: "confirmed"},
		{name: "is not refundable", offer: "sim_nonrefundable", sure: "confirmed"},
		{name: "costs a fee to cancel", offer: "sim_fee", sure: "confirmed"},
		{name: "is slow", offer: "sim_slow_3000", sure: "confirmed"},
	}
}

// view is what a guest reads of a booking.
type view struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Version   int    `json:"version"`
	Status    string `json:"status"`
	Terminal  bool   `json:"terminal"`
	Secret    string `json:"client_secret"`
	Action    struct {
		Type     string          `json:"type"`
		URL      string          `json:"url"`
		NewTotal json.RawMessage `json:"new_total"`
	} `json:"action"`
}

// guest books once, and follows the booking until everybody goes home.
type guest struct {
	world *world
	luck  *dice
	script
	key      string
	arrives  time.Duration
	cancels  time.Duration // so long after the answer; 0: never
	patience int           // attempts to submit; 0: for ever

	submitted atomic.Bool // or given up
	acked     view        // the first 202
	cancelled bool        // a wish to cancel was taken
	seen      []view
}

// live is a guest's whole story.
func (g *guest) live() {
	if !g.world.pass(g.arrives) {
		return
	}
	told := g.submit()
	g.submitted.Store(true)
	if !told {
		return
	}
	g.world.trace.add(g.world.since(), g.key, "has %s", g.acked.Reference)
	if g.luck.happens(0.2) {
		g.submitAgain()
	}
	acked := time.Now()
	var now view
	for pause := 5 * time.Second; g.world.pass(g.luck.between(300*time.Millisecond, pause)); {
		var ok bool
		if now, ok = g.poll(); ok && now.Terminal && g.cancels == 0 {
			pause = 20 * time.Second // to see that it stays so
		}
		if !ok {
			continue
		}
		if g.cancels > 0 && time.Since(acked) > g.cancels && !g.cancelled && !g.world.closing.Load() {
			g.cancel()
		}
		if now.Status == "requires_action" {
			g.act(now)
		}
	}
}

// submit until there is an answer.
func (g *guest) submit() bool {
	for try := 1; ; try++ {
		status, body, err := g.call("POST", "/v1/bookings", guestKey, g.body(), "Idempotency-Key", g.key)
		switch {
		case err == nil && status == http.StatusAccepted:
			if err := json.Unmarshal(body, &g.acked); err != nil {
				g.world.breach("%s: the 202 cannot be read: %v", g.key, err)
				return false
			}
			g.see(g.acked)
			return true
		case err == nil && status != http.StatusServiceUnavailable && status != http.StatusInternalServerError:
			g.world.breach("%s: a submission was answered with %d: %s", g.key, status, body)
			return false
		}
		if try == g.patience || !g.world.pass(g.luck.between(200*time.Millisecond, 2*time.Second)) {
			return false
		}
	}
}

// submitAgain with the same key: it must be the same booking.
func (g *guest) submitAgain() {
	status, body, err := g.call("POST", "/v1/bookings", guestKey, g.body(), "Idempotency-Key", g.key)
	if err != nil || status != http.StatusAccepted {
		return
	}
	var again view
	if err := json.Unmarshal(body, &again); err != nil || again.ID != g.acked.ID || again.Secret != g.acked.Secret {
		g.world.breach("S2: %s: the same key answered with booking %s instead of %s (%v)", g.key, again.ID, g.acked.ID, err)
	}
	g.world.count("replays")
}

// poll asks how it stands.
func (g *guest) poll() (view, bool) {
	status, body, err := g.call("GET", "/v1/bookings/"+g.acked.ID, g.acked.Secret, "")
	switch {
	case err != nil || status >= 500:
		return view{}, false
	case status != http.StatusOK:
		g.world.breach("S1: %s: a poll of %s was answered with %d", g.key, g.acked.Reference, status)
		return view{}, false
	}
	var now view
	if err := json.Unmarshal(body, &now); err != nil {
		g.world.breach("%s: a poll cannot be read: %v", g.key, err)
		return view{}, false
	}
	g.see(now)
	return now, true
}

// see remembers an answer, and compares it with those before.
func (g *guest) see(now view) {
	if len(g.seen) > 0 {
		last := g.seen[len(g.seen)-1]
		if now.Version < last.Version || now.Version == last.Version && now.Status != last.Status {
			g.world.breach("S9: %s saw %s %s at version %d, and then %s at version %d", g.key, g.acked.Reference, last.Status, last.Version, now.Status, now.Version)
		}
		after := []string{last.Status}
		if last.Status == "confirmed" {
			after = append(after, "cancelling", "cancelled")
		}
		if last.Terminal && !slices.Contains(after, now.Status) {
			g.world.breach("S7: %s saw %s %s, which is final, and then %s", g.key, g.acked.Reference, last.Status, now.Status)
		}
		if now.Version == last.Version {
			return
		}
	}
	g.seen = append(g.seen, now)
	g.world.trace.add(g.world.since(), g.key, "sees %s v%d %s", now.Reference, now.Version, now.Status)
}

// act does what is asked, if the guest is one who does.
func (g *guest) act(now view) {
	path, body := "/v1/bookings/"+g.acked.ID+"/actions/payment", ""
	switch {
	case now.Action.Type == "three_ds" && g.answer != "":
		button := "/complete"
		if g.answer == "fails it" {
			button = "/fail"
		}
		g.bank(now.Action.URL + button)
		if g.answer == "does it silently" {
			return
		}
	case now.Action.Type == "new_payment_method" && g.answer == "does it":
		body = `{"payment":{"token":"pm_card_visa"}}`
	case now.Action.Type == "accept_offer" && g.answer == "does it":
		path, body = "/v1/bookings/"+g.acked.ID+"/actions/accept-offer", `{"accepted_total":`+string(now.Action.NewTotal)+`}`
	default:
		return
	}
	if status, answer, err := g.call("POST", path, g.acked.Secret, body); err == nil && status >= 400 && status != http.StatusConflict && status < 500 {
		g.world.breach("%s: %s was answered with %d: %s", g.key, path, status, answer)
	}
}

// bank presses a button on the bank's page.
func (g *guest) bank(url string) {
	request, err := http.NewRequestWithContext(background, http.MethodPost, url, http.NoBody)
	if err != nil {
		g.world.breach("%s: the bank's address is wrong: %v", g.key, err)
		return
	}
	if response := g.world.outside(request); response != nil {
		_ = response.Body.Close() // it was recorded
	}
}

// cancel until somebody has taken the wish.
func (g *guest) cancel() {
	status, body, err := g.call("POST", "/v1/bookings/"+g.acked.ID+"/cancellation", g.acked.Secret, "")
	switch {
	case err == nil && status == http.StatusAccepted:
		g.cancelled = true
		g.world.count("cancellations")
		g.world.trace.add(g.world.since(), g.key, "cancels")
	case err == nil && status == http.StatusConflict: // too late, or it failed
		g.cancels = 0
	case err == nil && status < 500:
		g.world.breach("%s: a cancellation was answered with %d: %s", g.key, status, body)
	}
}

// call makes one request to any of the instances. No answer is an error; so is one that gets lost on the way.
func (g *guest) call(method, path, key, body string, headers ...string) (int, []byte, error) {
	return g.world.call(g.luck, method, path, key, body, headers...)
}

func (w *world) call(luck *dice, method, path, key, body string, headers ...string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(background, luck.about(12*time.Second))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://service"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	r.RemoteAddr, r.RequestURI = "192.0.2.1:1", r.URL.RequestURI()
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for h := range slices.Chunk(headers, 2) {
		r.Header.Set(h[0], h[1])
	}
	response, err := balancer{w, luck}.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || w.hazard.loses(luck) {
		return 0, nil, errReset
	}
	return response.StatusCode, content, nil
}

// body is the submission.
func (g *guest) body() string {
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	in := g.world.began.AddDate(0, 3, 0)
	return fmt.Sprintf(`{"client_reference":%q,"offer":{"supplier":"sandbox","token":%q,"total":{"amount":"346.00","currency":"EUR"},"price_tolerance_percent":0},`+
		`"stay":{"hotel_id":%q,"hotel_name":"Hotel Sol","hotel_timezone":"Europe/Madrid","check_in":%q,"check_out":%q,"rooms":[{"adults":2,"child_ages":[],`+
		`"guests":[{"given_name":"Ana","family_name":"Núñez","lead":true}],"special_requests":""}]},"contact":{"given_name":"Ana","family_name":"Núñez",`+
		`"email":%q,"phone":"+34600000000","country":"ES","language":"es"},"payment":{"token":%q},"attribution":{"click_id":"abc"}}`,
		g.key, or(g.offer, "sim_ok"), or(g.hotel, "h-1"), in.Format(time.DateOnly), in.AddDate(0, 0, 3).Format(time.DateOnly),
		or(g.mail, "ana")+"@example.com", or(g.card, "pm_card_visa"))
}
