package bench

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/providers"
	sandboxfraud "hotelbooking/providers/fraud/sandbox"
	"hotelbooking/providers/hotel"
	sandboxhotel "hotelbooking/providers/hotel/sandbox"
	sandboxpayment "hotelbooking/providers/payment/sandbox"
	sandboxtracking "hotelbooking/providers/tracking/sandbox"
	"hotelbooking/store"
)

// Synchronous is where the synchronous service works.
type Synchronous struct {
	DatabaseURL string // empty: SQLite
	Dir         string // of SQLite's files
	Sandbox     string // its address
}

// synchronousService is the service as it is often written at first: the whole flow inside the request. The table of steps, the
// adapters and the store are those of the real one; what it lacks is somebody who goes on when its process dies.
//
// It saves after the acceptance and after each step, and so the row says how far a booking came. Capture and tracking are part
// of the request: whatever came after the answer would be asynchronous again. It waits before a retry and asks after a call
// without an answer, as the flow says, for as long as a client may be kept waiting.
type synchronousService struct {
	flow  booking.Flow
	store *store.Store
}

const (
	synchronousBudget = 60 * time.Second // of one request
	synchronousLease  = time.Hour        // nobody else would take the booking
	maxSubmission     = 64 << 10
)

// ServeSynchronously runs it until ctx ends, and says on out, in JSON, where it listens.
func ServeSynchronously(ctx context.Context, o Synchronous, out io.Writer) (err error) {
	ports, err := adapters(o.Sandbox)
	if err != nil {
		return err
	}
	db := database{url: o.DatabaseURL, dir: o.Dir}
	s, err := store.Open(ctx, db.config(), zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           (&synchronousService{flow: booking.NewFlow(ports, booking.DefaultLimits()), store: s}).routes(),
		ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 2 * synchronousBudget, IdleTimeout: time.Minute,
	}
	fmt.Fprintf(out, `{"msg":"serving","http":%q}`+"\n", listener.Addr())
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() { stopped <- server.Close() })
	if err := server.Serve(listener); release() {
		return err
	}
	return <-stopped
}

// adapters reach the sandbox as the service's do, with the same time-outs.
func adapters(sandbox string) (booking.Outside, error) {
	at := func(timeout time.Duration) providers.Config {
		return providers.Config{BaseURL: sandbox, Timeout: timeout}
	}
	hotels, hotelErr := sandboxhotel.New(at(5 * time.Second))
	screener, fraudErr := sandboxfraud.New(at(3 * time.Second))
	payments, paymentErr := sandboxpayment.New(at(10 * time.Second))
	tracker, trackingErr := sandboxtracking.New(at(3 * time.Second))
	return booking.Outside{
		Hotels: hotel.Suppliers{"sandbox": hotels}, Screener: screener, Payments: payments, Tracker: tracker,
	}, errors.Join(hotelErr, fraudErr, paymentErr, trackingErr)
}

func (s *synchronousService) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/bookings", s.book)
	return mux
}

// book answers 200 when the booking is at rest; 504 when that took too long; 409 where an earlier request with the same key
// never came to its end.
func (s *synchronousService) book(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), synchronousBudget) // a guest who walks away stops nothing
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSubmission))
	var asked booking.Ask
	if err == nil {
		asked, err = readAsk(body, time.Now().UTC())
	}
	key := r.Header.Get("Idempotency-Key")
	if err == nil && key == "" {
		err = errors.New("no Idempotency-Key")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	b, entry := s.flow.Begin(asked, asked.CreatedAt)
	b.Owner = rand.Text()
	receipt, err := s.store.Accept(ctx, booking.Acceptance{
		Booking: b, Entry: entry, Key: key, Fingerprint: fingerprintOf(body), Owner: b.Owner, Lease: synchronousLease,
	})
	switch {
	case errors.Is(err, booking.ErrKeyReused):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	case receipt.Replayed && !atRest(receipt.Booking):
		answer(w, http.StatusConflict, receipt.Booking)
		return
	case receipt.Replayed:
		answer(w, http.StatusOK, receipt.Booking)
		return
	}
	if err := s.walk(ctx, b); err != nil {
		answer(w, http.StatusGatewayTimeout, b)
		return
	}
	answer(w, http.StatusOK, b)
}

func fingerprintOf(body []byte) [32]byte { return sha256.Sum256(body) }

// walk takes the booking from step to step until it is at rest.
func (s *synchronousService) walk(ctx context.Context, b *booking.Booking) error {
	for !atRest(b) {
		select {
		case <-time.After(time.Until(b.DueAt)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		outcome, decided := s.flow.Before(b, time.Now().UTC())
		if !decided {
			outcome = s.act(b)(ctx, b)
		}
		began := time.Now().UTC()
		entry := s.flow.Apply(b, outcome, began)
		if err := s.store.Save(ctx, b, entry, synchronousLease); err != nil {
			return err
		}
	}
	return nil
}

// act is what the table has for where the booking stands.
func (s *synchronousService) act(b *booking.Booking) booking.Act {
	step, _ := s.flow.Step(b.Place.Step)
	act := map[booking.Phase]booking.Act{booking.Doing: step.Do, booking.Finding: step.Find, booking.Undoing: step.Undo}[b.Place.Phase]
	if act == nil {
		return func(context.Context, *booking.Booking) booking.Outcome { return booking.Outcome{} } // parks it for staff
	}
	return act
}

// atRest: it has ended, or waits for a person.
func atRest(b *booking.Booking) bool {
	return b.Place.Phase == booking.Ended || b.Place.Phase == booking.Parked
}

// answer says what a client of the real service reads of a booking.
func answer(w http.ResponseWriter, status int, b *booking.Booking) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(told{ID: string(b.ID), Reference: b.Reference, Status: string(b.Status()), Terminal: b.Terminal()}) // the client may have gone
}

// told is what a client reads of a booking, of either service.
type told struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Terminal  bool   `json:"terminal"`
}

// submission is what the servers of ours that stand in for the real one read of a body.
type submission struct {
	ClientReference string `json:"client_reference"`
	Offer           struct {
		Supplier string `json:"supplier"`
		Token    string `json:"token"`
		Total    struct {
			Amount   string `json:"amount"`
			Currency string `json:"currency"`
		} `json:"total"`
		TolerancePercent int `json:"price_tolerance_percent"`
	} `json:"offer"`
	Stay    booking.Stay    `json:"stay"`
	Contact booking.Contact `json:"contact"`
	Payment struct {
		Token string `json:"token"`
	} `json:"payment"`
	Attribution map[string]string `json:"attribution"`
}

// readAsk reads a submission as the real service takes it.
func readAsk(body []byte, now time.Time) (booking.Ask, error) {
	var in submission
	if err := json.Unmarshal(body, &in); err != nil {
		return booking.Ask{}, errors.New("the submission is not JSON of a booking")
	}
	total, err := booking.ParseMoney(in.Offer.Total.Amount, in.Offer.Total.Currency)
	if err == nil && (in.Offer.Supplier != "sandbox" || cmp.Or(in.Offer.Token, in.Payment.Token) == "" || len(in.Stay.Rooms) == 0) {
		err = errors.New("a submission names supplier sandbox, an offer, a room and a payment")
	}
	id, idErr := uuid.NewV7()
	var six [6]byte
	_, _ = rand.Read(six[:]) // never fails
	return booking.Ask{
		ID: booking.ID(id.String()), Reference: booking.NewReference(six), Client: "bench", ClientReference: in.ClientReference, CreatedAt: now,
		Offer: booking.Offer{Supplier: in.Offer.Supplier, Token: in.Offer.Token, Total: total, TolerancePercent: in.Offer.TolerancePercent},
		Stay:  in.Stay, Contact: in.Contact, PaymentToken: in.Payment.Token, Attribution: in.Attribution,
	}, errors.Join(err, idErr)
}
