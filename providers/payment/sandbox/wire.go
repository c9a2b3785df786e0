package sandbox

import (
	"time"

	"hotelbooking/booking"
)

// The PSP's words.

type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func moneyOf(m booking.Money) money { return money{Amount: m.Decimal(), Currency: m.Currency} }

type authorization struct {
	Reference    string `json:"reference"`
	Amount       money  `json:"amount"`
	PaymentToken string `json:"payment_token"`
	ReturnURL    string `json:"return_url,omitempty"` // where the bank sends the guest back to
}

type naming struct {
	Reference        string `json:"reference"`
	AuthorizationKey string `json:"authorization_key"`
}

type movement struct {
	Reference        string `json:"reference"`
	AuthorizationKey string `json:"authorization_key"`
	Amount           money  `json:"amount"`
}

// payment is the answer to every call.
type payment struct {
	ID               string    `json:"id"`
	Reference        string    `json:"reference"`
	AuthorizationKey string    `json:"authorization_key"`
	Status           string    `json:"status"`
	Amount           money     `json:"amount"`
	Captured         money     `json:"captured"`
	Refunded         money     `json:"refunded"`
	CaptureBefore    time.Time `json:"capture_before"`
	DeclineCode      string    `json:"decline_code"`
	Card             struct {
		Brand string `json:"brand"`
		Last4 string `json:"last4"`
	} `json:"card"`
	NextAction struct {
		URL          string `json:"url"`
		ClientSecret string `json:"client_secret"`
	} `json:"next_action"`
	Refunds []struct {
		Status string `json:"status"`
	} `json:"refunds"`
}
