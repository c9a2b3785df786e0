package booking

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in the minor units of its currency: 34600 EUR is 346.00 euros, 346 JPY is 346 yen.
// The zero Money is "no amount"; it has no currency and equals nothing that was charged.
type Money struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"` // ISO 4217, upper case
}

// ErrCurrencyMismatch is returned where two amounts of different currencies meet.
var ErrCurrencyMismatch = errors.New("amounts are in different currencies")

// ParseMoney reads a decimal as people write it, with exactly the currency's number of decimals or none at all:
// "346.00" EUR, "346" JPY, "1.250" KWD. It refuses signs, exponents, spaces and a wrong number of decimals.
func ParseMoney(amount, currency string) (Money, error) {
	scale := Scale(currency)
	whole, fraction, dotted := strings.Cut(amount, ".")
	if !digits(whole) || (dotted && !digits(fraction)) {
		return Money{}, fmt.Errorf("amount %q is not a plain decimal such as %q", amount, Money{Minor: 34600, Currency: currency}.Decimal())
	}
	if len(fraction) != scale && dotted || !dotted && scale > 0 {
		return Money{}, fmt.Errorf("amount %q must have %d decimals in %s", amount, scale, currency)
	}
	minor, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || minor > math.MaxInt64/1000 {
		return Money{}, fmt.Errorf("amount %q is too large", amount)
	}
	return Money{Minor: minor, Currency: currency}, nil
}

// Decimal writes the amount with its currency's number of decimals, without the currency: "346.00".
func (m Money) Decimal() string {
	scale := Scale(m.Currency)
	sign, minor := "", m.Minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	text := strconv.FormatInt(minor, 10)
	if scale == 0 {
		return sign + text
	}
	if pad := scale + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	return sign + text[:len(text)-scale] + "." + text[len(text)-scale:]
}

// String is the amount as a person reads it: "346.00 EUR".
func (m Money) String() string {
	if m.Currency == "" {
		return "nothing"
	}
	return m.Decimal() + " " + m.Currency
}

// IsZero tells whether there is no amount to speak of.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Of is the same currency with another number of minor units.
func (m Money) Of(minor int64) Money { return Money{Minor: minor, Currency: m.Currency} }

// Percent is a share of the amount, rounded down to a minor unit: what is promised to a guest is never rounded up.
func (m Money) Percent(percent int) Money {
	return m.Of(m.Minor/100*int64(percent) + m.Minor%100*int64(percent)/100)
}

// Scale is the number of decimals of a currency, by ISO 4217; 2 where the table knows nothing else.
func Scale(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	default:
		return 2
	}
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}
