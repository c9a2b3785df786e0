package main

import (
	"errors"
	"maps"
	"slices"
	"time"

	"hotelbooking/booking"
	"hotelbooking/booking/web"
	"hotelbooking/providers"
	sandboxfraud "hotelbooking/providers/fraud/sandbox"
	"hotelbooking/providers/hotel"
	sandboxhotel "hotelbooking/providers/hotel/sandbox"
	sandboxpayment "hotelbooking/providers/payment/sandbox"
	sandboxtracking "hotelbooking/providers/tracking/sandbox"
)

// outside is the world as the configuration has it.
type outside struct {
	ports     booking.Outside
	suppliers []string              // that can be booked
	vendors   map[string]web.Vendor // that send notifications, by the name in their path
}

// connect makes the adapters. Nothing is called yet.
func connect(cfg Config, sandboxURL string, k keys, observe func(booking.Call)) (outside, error) {
	at := func(timeout time.Duration) providers.Config {
		return providers.Config{BaseURL: sandboxURL, Timeout: timeout, Observe: observe}
	}
	hotels, hotelErr := sandboxhotel.New(at(cfg.Providers.Hotel.Timeout))
	screener, fraudErr := sandboxfraud.New(at(cfg.Providers.Fraud.Timeout))
	payments, paymentErr := sandboxpayment.New(at(cfg.Providers.Payment.Timeout))
	tracker, trackingErr := sandboxtracking.New(at(cfg.Providers.Tracking.Timeout))
	suppliers := hotel.Suppliers{"sandbox": hotels}
	return outside{
		ports:     booking.Outside{Hotels: suppliers, Screener: screener, Payments: payments, Tracker: tracker},
		suppliers: slices.Sorted(maps.Keys(suppliers)),
		vendors:   map[string]web.Vendor{"sandbox": sandboxpayment.Webhooks{Secret: k.webhook}},
	}, errors.Join(hotelErr, fraudErr, paymentErr, trackingErr)
}
