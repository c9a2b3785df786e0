// Package sandbox is the adapter for the sandbox's fraud screening. Screening the same booking again gives the same
// verdict, so its calls are harmless.
package sandbox

import (
	"context"
	"net/http"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// Screener is booking.Screener.
type Screener struct{ caller *providers.Caller }

// New checks cfg; it dials nothing.
func New(cfg providers.Config) (*Screener, error) {
	caller, err := providers.NewCaller(cfg, providers.Vendor{Name: "sandbox fraud", Down: booking.FraudUnavailable, Code: providers.CodeAt("error", "code")})
	if err != nil {
		return nil, err
	}
	return &Screener{caller}, nil
}

type order struct {
	Reference string `json:"reference"`
	OrderID   string `json:"order_id"`
	Email     string `json:"email"`
	Amount    amount `json:"amount"`
	Country   string `json:"country,omitempty"`
	CheckIn   string `json:"check_in,omitempty"`
	HotelID   string `json:"hotel_id,omitempty"`
}

type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// Screen asks for a verdict. It refuses nothing by itself: whatever is wrong with the call, a person can still decide.
func (s *Screener) Screen(ctx context.Context, b *booking.Booking) (booking.Verdict, error) {
	const operation = "screen"
	var answer struct {
		Reference      string `json:"reference"`
		RiskID         string `json:"risk_id"`
		Recommendation string `json:"recommendation"`
		Score          int    `json:"score"`
	}
	_, err := s.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/fraud/v1/screenings", Correlation: string(b.ID), Harmless: true,
		Body: order{
			Reference: b.Reference, OrderID: string(b.ID), Email: b.Contact.Email,
			Amount:  amount{Amount: b.Facts.Price.Decimal(), Currency: b.Facts.Price.Currency},
			Country: b.Contact.Country, CheckIn: b.Stay.CheckIn, HotelID: b.Stay.HotelID,
		},
	}, &answer)
	if err != nil {
		return booking.Verdict{}, err
	}
	if answer.Reference != b.Reference {
		return booking.Verdict{}, s.caller.Unclear(operation, "the answer is about another reference")
	}
	verdict := booking.Verdict{Reference: answer.RiskID, Score: answer.Score, Source: "screening"}
	switch answer.Recommendation {
	case "ACCEPT":
		verdict.Ruling = booking.Accept
	case "REVIEW":
		verdict.Ruling = booking.Review
	case "REJECT":
		verdict.Ruling = booking.Deny
	default:
		return booking.Verdict{}, s.caller.Unclear(operation, "the answer has a recommendation that we do not know")
	}
	return verdict, nil
}
