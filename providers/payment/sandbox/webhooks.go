package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hotelbooking/booking"
)

// Webhooks reads the sandbox's notifications, those of its fraud screening too: they have one secret and one address.
type Webhooks struct {
	Secret string
	Now    func() time.Time // nil: time.Now
}

// SignatureTolerance is how far a notification's clock may be from ours; an older one may be a replay.
const SignatureTolerance = 5 * time.Minute

// Read verifies "Sandbox-Signature: t=<unix seconds>,v1=<hex>" and says what the notification is about. What it claims is
// no fact: a payment is asked about, and only a screening's later decision is taken from it.
func (w Webhooks) Read(h http.Header, body []byte) (booking.Notice, error) {
	if !w.signed(h.Get("Sandbox-Signature"), body) {
		return booking.Notice{}, booking.ErrForged
	}
	var event struct {
		ID      string    `json:"id"`
		Type    string    `json:"type"`
		Created time.Time `json:"created"`
		Data    struct {
			Reference string `json:"reference"`
			Status    string `json:"status"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &event) != nil || event.ID == "" || event.Type == "" || event.Data.Reference == "" {
		return booking.Notice{}, errors.New("the notification is not what we know")
	}
	notice := booking.Notice{
		EventID: event.ID, Reference: event.Data.Reference, Verb: booking.VerbNotify, Kind: event.Type, At: event.Created,
	}
	if event.Type == "fraud.decided" {
		switch event.Data.Status {
		case "accept":
			notice.Verb = booking.VerbApprove
		case "reject":
			notice.Verb = booking.VerbReject
		}
	}
	return notice, nil
}

func (w Webhooks) signed(signature string, body []byte) bool {
	if w.Secret == "" {
		return false // an empty secret would let everybody sign
	}
	var at, claimed string
	for part := range strings.SplitSeq(signature, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			at = value
		case "v1":
			claimed = value
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return false
	}
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	if now().Sub(time.Unix(seconds, 0)).Abs() > SignatureTolerance {
		return false
	}
	mac := hmac.New(sha256.New, []byte(w.Secret))
	_, _ = mac.Write([]byte(at + "."))
	_, _ = mac.Write(body)
	got, err := hex.DecodeString(claimed)
	return err == nil && hmac.Equal(got, mac.Sum(nil))
}
