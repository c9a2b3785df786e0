package web

// scenario is something that the sandbox can be made to do, in the words of the guest to whom it happens.
type scenario struct {
	Token string
	Words string
}

type scenarioGroup struct {
	Name      string
	Scenarios []scenario
}

// The magic values of the sandbox: those that openapi.yaml lists (a test compares), and a few more.
var (
	roomScenarios = []scenarioGroup{
		{"It works", []scenario{
			{"", "As the offer says"},
			{"sim_slow_4000", "Everything takes a few seconds"},
			{"sim_slow_20000", "The hotel is very slow: longer than we wait for one answer"},
			{"sim_pending_then_confirmed", "The hotel decides later, and confirms"},
			{"sim_price_up_3pct", "The price rises by 3 % before confirmation"},
		}},
		{"The guest is asked", []scenario{
			{"sim_price_up_30pct", "The price rises by 30 % before confirmation"},
			{"sim_terms_changed", "The hotel changes its conditions"},
		}},
		{"It cannot be booked", []scenario{
			{"sim_sold_out_check", "The room was just sold"},
			{"sim_sold_out_book", "The room is sold while we are booking it"},
			{"sim_restricted", "The room does not take these guests"},
			{"sim_guest_rejected", "The hotel does not accept the guest's name"},
			{"sim_rejected_book", "The hotel does not accept the booking"},
			{"sim_down", "The hotel's system is down"},
		}},
		{"Nobody knows at first", []scenario{
			{"sim_timeout_booked", "The hotel never answers, but has booked"},
			{"sim_timeout_not_booked", "The hotel never answers, and has not booked"},
			{"sim_timeout_forever", "The hotel never answers, whatever we ask"},
			{"sim_5xx_booked", "The hotel answers with an error, but has booked"},
			{"sim_garbage_200_booked", "The hotel answers with nonsense, but has booked"},
		}},
		{"When it is cancelled", []scenario{
			{"sim_fee", "Cancelling costs a fifth of the price"},
			{"sim_nonrefundable", "Cancelling gives nothing back"},
			{"sim_202_cancel", "The hotel cancels later"},
			{"sim_cancel_refused", "The hotel refuses to cancel"},
		}},
	}
	cardScenarios = []scenarioGroup{
		{"It works", []scenario{
			{"pm_card_visa", "Visa ·· 4242: works"},
			{"pm_card_mastercard", "Mastercard ·· 4444: works"},
			{"pm_card_authenticationRequired", "Visa ·· 3184: the bank asks you to confirm (3-D Secure)"},
		}},
		{"It does not", []scenario{
			{"pm_card_chargeDeclined", "Visa ·· 0002: declined"},
			{"pm_card_chargeDeclinedInsufficientFunds", "Visa ·· 9995: not enough money"},
			{"pm_card_chargeDeclinedStolenCard", "Visa ·· 9979: reported stolen"},
			{"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "Visa ·· 3178: the bank asks, then declines"},
			{"pm_card_captureFails", "Visa ·· 0341: reserved, then the charge fails"},
			{"pm_card_pendingRefund", "Visa ·· 7726: refunds take a while"},
		}},
	}
	fraudScenarios = []scenario{
		{"", "Nothing unusual"},
		{"accept", "The fraud check accepts"},
		{"review", "The fraud check wants a person to look"},
		{"reject", "The fraud check refuses"},
		{"down", "The fraud check is down"},
	}
)
