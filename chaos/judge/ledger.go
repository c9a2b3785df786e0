package judge

import (
	"strings"
	"time"
)

// Effects are what really exists under one reference, and ever did.
type Effects struct {
	Holds       int    `json:"holds"`
	Active      int    `json:"active_reservations"`
	MaxActive   int    `json:"max_active_reservations"`
	Confirmed   int    `json:"ever_confirmed"`
	Open        int    `json:"open_authorizations"`
	MaxOpen     int    `json:"max_open_authorizations"`
	Captures    int    `json:"captures"`
	MaxCaptures int    `json:"max_captures"`
	KeysReused  int    `json:"keys_reused"`
	Tracked     int    `json:"tracked"`
	Currency    string `json:"currency"`
	Captured    string `json:"captured"`
	Refunded    string `json:"refunded"`
	Net         string `json:"net_captured"`
}

// Entry is one call as the sandbox received it.
type Entry struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"effect_at"`
	Received  time.Time `json:"received_at"`
	System    string    `json:"system"`
	Operation string    `json:"operation"`
	Reference string    `json:"reference"`
	Key       string    `json:"idempotency_key"`
	Body      string    `json:"body_hash"`
	Effect    string    `json:"effect"`
	Answer    string    `json:"answer"`
	Status    int       `json:"status"`
	Code      string    `json:"code"`
	Fault     string    `json:"fault"`
}

// Did lists the effects of a call: one may have several.
func (e Entry) Did() []string { return strings.Split(e.Effect, ", ") }
