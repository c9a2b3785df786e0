package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// money is an amount on the wire: a decimal string and a currency. Inside it is counted in minor units.
type money struct {
	Amount   string `json:"amount"`   // "346.00"
	Currency string `json:"currency"` // ISO 4217
}

func decimals(currency string) int {
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

// minor is the amount in minor units; the error says what is wrong with it.
func (m money) minor() (int64, error) {
	scale := decimals(m.Currency)
	if len(m.Currency) != 3 || strings.Trim(m.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return 0, fmt.Errorf("currency %q is not three capital letters", m.Currency)
	}
	whole, fraction, _ := strings.Cut(m.Amount, ".")
	if len(fraction) != scale || whole == "" || strings.Trim(whole+fraction, "0123456789") != "" || len(whole) > 12 {
		return 0, fmt.Errorf("amount %q is not a decimal with %d places", m.Amount, scale)
	}
	return strconv.ParseInt(whole+fraction, 10, 64)
}

// inMoney is minor units on the wire.
func inMoney(minor int64, currency string) money {
	scale := decimals(currency)
	text := fmt.Sprintf("%0*d", scale+1, minor)
	if scale == 0 {
		return money{Amount: text, Currency: currency}
	}
	return money{Amount: text[:len(text)-scale] + "." + text[len(text)-scale:], Currency: currency}
}

// plusPercent rounds up to a minor unit: a supplier does.
func plusPercent(minor int64, percent int) int64 {
	return minor + (minor*int64(percent)+99)/100
}
