package web

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/currency"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

func TestWhatMakesNoSenseIs422WithAPointer(t *testing.T) {
	t.Parallel()
	s := open(t)
	long := strings.Repeat("ñ", 61)
	nine := strings.Repeat(`{"adults":1,"guests":[{"given_name":"A","family_name":"B","lead":true}]},`, 8)
	for name, c := range map[string]struct{ old, replacement, pointer, code string }{
		"no offer":               {`"offer":{"supplier":"sandbox","token":"sim_ok","total":{"amount":"346.00","currency":"EUR"},` + "\n" + `"price_tolerance_percent":0},`, "", "/offer", "required"},
		"reference is null":      {`"web-4711"`, `null`, "/client_reference", "not_allowed"},
		"unknown supplier":       {`"supplier":"sandbox"`, `"supplier":"nobody"`, "/offer/supplier", "unknown_value"},
		"no token":               {`"sim_ok"`, `""`, "/offer/token", "too_short"},
		"tolerance":              {`"price_tolerance_percent":0`, `"price_tolerance_percent":101`, "/offer/price_tolerance_percent", "too_large"},
		"negative tolerance":     {`"price_tolerance_percent":0`, `"price_tolerance_percent":-1`, "/offer/price_tolerance_percent", "too_small"},
		"expired offer":          {`"price_tolerance_percent":0`, `"expires_at":"2027-01-10T12:00:00Z"`, "/offer/expires_at", "past"},
		"negative amount":        {`"346.00"`, `"-346.00"`, "/offer/total/amount", "invalid_format"},
		"amount of one decimal":  {`"346.00"`, `"346.0"`, "/offer/total/amount", "wrong_scale"},
		"amount of no decimals":  {`"346.00"`, `"346"`, "/offer/total/amount", "wrong_scale"},
		"nothing to pay":         {`"346.00"`, `"0.00"`, "/offer/total/amount", "too_small"},
		"decimals of yen":        {`"346.00","currency":"EUR"`, `"346.00","currency":"JPY"`, "/offer/total/amount", "wrong_scale"},
		"dinars of Kuwait":       {`"346.00","currency":"EUR"`, `"346.00","currency":"KWD"`, "/offer/total/amount", "wrong_scale"},
		"marks":                  {`"currency":"EUR"`, `"currency":"DEM"`, "/offer/total/currency", "unknown_value"},
		"no such currency":       {`"currency":"EUR"`, `"currency":"XYZ"`, "/offer/total/currency", "unknown_value"},
		"gold":                   {`"currency":"EUR"`, `"currency":"XAU"`, "/offer/total/currency", "unknown_value"},
		"currency in lower case": {`"currency":"EUR"`, `"currency":"eur"`, "/offer/total/currency", "invalid_format"},
		"check-in in the past":   {"2027-03-01", "2027-01-08", "/stay/check_in", "past"},
		"no such day":            {"2027-03-01", "2027-02-29", "/stay/check_in", "invalid_format"},
		"another calendar":       {"2027-03-01", "01-03-2027", "/stay/check_in", "invalid_format"},
		"no night":               {"2027-03-04", "2027-03-01", "/stay/check_out", "not_after"},
		"check-out first":        {"2027-03-04", "2027-02-28", "/stay/check_out", "not_after"},
		"a hundred nights":       {"2027-03-04", "2027-06-09", "/stay/check_out", "too_far"},
		"no such zone":           {"Europe/Madrid", "Europe/Atlantis", "/stay/hotel_timezone", "unknown_value"},
		"our own zone":           {"Europe/Madrid", "Local", "/stay/hotel_timezone", "unknown_value"},
		"a path for a zone":      {"Europe/Madrid", "../../etc/passwd", "/stay/hotel_timezone", "unknown_value"},
		"no rooms":               {`"rooms":[{"adults":2,"child_ages":[],"guests":[{"given_name":"Ana",` + "\n" + `"family_name":"Núñez","lead":true}],"special_requests":""}]`, `"rooms":[]`, "/stay/rooms", "too_few"},
		"nine rooms":             {`"rooms":[`, `"rooms":[` + nine, "/stay/rooms", "too_many"},
		"no adults":              {`"adults":2`, `"adults":0`, "/stay/rooms/0/adults", "too_small"},
		"a child of eighteen":    {`"child_ages":[]`, `"child_ages":[18]`, "/stay/rooms/0/child_ages/0", "too_large"},
		"an unborn child":        {`"child_ages":[]`, `"child_ages":[-1]`, "/stay/rooms/0/child_ages/0", "too_small"},
		"nobody leads":           {`"lead":true`, `"lead":false`, "/stay/rooms/0/guests", "one_lead_required"},
		"two lead":               {`"lead":true}`, `"lead":true},{"given_name":"A","family_name":"B","lead":true}`, "/stay/rooms/0/guests", "one_lead_required"},
		"a name too long":        {"Núñez", long, "/stay/rooms/0/guests/0/family_name", "too_long"},
		"no name":                {`"Ana"`, `""`, "/stay/rooms/0/guests/0/given_name", "too_short"},
		"a name of spaces":       {`"Ana"`, `"   "`, "/stay/rooms/0/guests/0/given_name", "too_short"},
		"a name of marks":        {`"Ana"`, `"-"`, "/stay/rooms/0/guests/0/given_name", "invalid_format"},
		"a name with a tag":      {`"Ana"`, `"<b>Ana</b>"`, "/stay/rooms/0/guests/0/given_name", "invalid_format"},
		"a name with a bell":     {`"Ana"`, `"An\u0007a"`, "/stay/rooms/0/guests/0/given_name", "invalid_format"},
		"a name that turns":      {`"Ana"`, `"An\u202ea"`, "/stay/rooms/0/guests/0/given_name", "invalid_format"},
		"a name with a face":     {`"Ana"`, `"Ana 😀"`, "/stay/rooms/0/guests/0/given_name", "invalid_format"},
		"requests with a bell":   {`"special_requests":""`, `"special_requests":"\u0007"`, "/stay/rooms/0/special_requests", "invalid_format"},
		"long requests":          {`"special_requests":""`, `"special_requests":"` + strings.Repeat("x", 501) + `"`, "/stay/rooms/0/special_requests", "too_long"},
		"no e-mail":              {"ana@example.com", "ana.example.com", "/contact/email", "invalid_format"},
		"two e-mails":            {"ana@example.com", "ana@example.com, eva@example.com", "/contact/email", "invalid_format"},
		"e-mail with a name":     {"ana@example.com", "Ana <ana@example.com>", "/contact/email", "invalid_format"},
		"e-mail in brackets":     {"ana@example.com", "<ana@example.com>", "/contact/email", "invalid_format"},
		"e-mail with a line":     {"ana@example.com", `ana@example.com\r\nBcc: x@y.z`, "/contact/email", "invalid_format"},
		"phone without plus":     {"+34600000000", "34600000000", "/contact/phone", "invalid_format"},
		"phone too long":         {"+34600000000", "+1234567890123456", "/contact/phone", "invalid_format"},
		"no such country":        {`"ES"`, `"XX"`, "/contact/country", "unknown_value"},
		"country by habit":       {`"ES"`, `"UK"`, "/contact/country", "unknown_value"},
		"a continent":            {`"ES"`, `"EU"`, "/contact/country", "unknown_value"},
		"no such language":       {`"language":"es"`, `"language":"xx-yy-zz"`, "/contact/language", "unknown_value"},
		"a token with a space":   {"pm_card_visa", "pm card", "/payment/token", "invalid_format"},
		"attribution's name":     {"click_id", "Click-ID", "/attribution", "invalid_format"},
		"a long click id":        {`"abc"`, `"` + strings.Repeat("x", 513) + `"`, "/attribution/click_id", "too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.with(t).submit(submission(c.old, c.replacement), "key-1").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
			found := map[string]string{}
			for _, f := range p.Errors {
				found[f.Pointer] = f.Code
				require.NotEmpty(t, f.Detail)
			}
			require.Equal(t, c.code, found[c.pointer], "%v", p.Errors)
		})
	}
	require.Empty(t, s.house.rooms)
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := strings.NewReplacer("Europe/Madrid", "Mars/Olympus", "2027-03-04", "2027-02-01", `"EUR"`, `"XYZ"`, "ana@example.com", "ana",
		`"lead":true`, `"lead":false`).Replace(submission("", ""))
	s.submit(body, "key-1").golden("problem_validation_failed").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	body = strings.NewReplacer(`"adults":2`, `"adults":0`, `"sim_ok"`, `""`, `"token":"pm_card_visa"`, "").Replace(submission("", ""))
	require.Len(t, s.submit(body, "key-1").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed).Errors, 3)
}

func TestMoreGuestsThanBedsAreRefused(t *testing.T) {
	t.Parallel()
	body := strings.NewReplacer(`"adults":2`, `"adults":1`, `"lead":true}`, `"lead":true},{"given_name":"A","family_name":"B"}`).Replace(submission("", ""))
	p := open(t).submit(body, "key-1").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	require.Equal(t, "too_many_guests", p.Errors[0].Code)
}

func TestNamesOfAnyScriptAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i, name := range []string{
		"Núñez", "O'Brien", "D’Artagnan", "Jean-Luc", "van der Berg", "Müller-Lüdenscheidt", "Ōe", "李", "山田 太郎", "山田　太郎", "Владимир", "محمد", "نیما\u200cپور",
		"श्रीनिवास", "ไทย", "ქართველი", "Þórður", "Nguyễn Thị", "J.R.R.", "Ng", "X", "Martin Jr., III", "Ó Súilleabháin", "ʻAkahi", "Jo·an", strings.Repeat("ñ", 60),
	} {
		accepted := s.submit(submission(`"Ana"`, `"`+name+`"`), fmt.Sprintf("key-%d", i)).is(http.StatusAccepted).booking()
		require.Equal(t, name, s.house.rooms[booking.ID(accepted.Id)].b.Stay.Rooms[0].Guests[0].GivenName)
	}
}

func TestTheHotelsCalendarDecidesWhatIsPast(t *testing.T) {
	t.Parallel()
	r := newRules(nil, 99)
	night := time.Date(2027, 3, 1, 0, 30, 0, 0, time.UTC) // in Auckland it is 13:30, in Honolulu 14:30 the day before
	for _, c := range []struct {
		zone, checkIn string
		taken         bool
	}{
		{"Pacific/Auckland", "2027-03-01", true},
		{"Pacific/Auckland", "2027-02-28", true}, // arriving after midnight
		{"Pacific/Auckland", "2027-02-27", false},
		{"Pacific/Honolulu", "2027-02-28", true},
		{"Pacific/Honolulu", "2027-02-27", true},
		{"Pacific/Honolulu", "2027-02-26", false},
		{"Europe/Madrid", "2027-02-28", true},
		{"Europe/Madrid", "2027-02-27", false},
		{"Pacific/Kiritimati", "2027-02-28", true},
	} {
		var f findings
		r.dates(Stay{HotelTimezone: c.zone, CheckIn: c.checkIn, CheckOut: "2027-03-02"}, night, &f)
		require.Empty(t, f.fields)
		require.Equal(t, c.taken, len(f.late) == 0, "%v", c)
	}
}

func TestANightIsANightWhenClocksChange(t *testing.T) {
	t.Parallel()
	r := newRules(nil, 1)
	for _, day := range []string{"2027-03-28", "2027-10-31"} { // Madrid's days of 23 and 25 hours
		next, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		var f findings
		r.dates(Stay{HotelTimezone: "Europe/Madrid", CheckIn: day, CheckOut: next.AddDate(0, 0, 1).Format(time.DateOnly)}, bookingtest.Start, &f)
		require.Empty(t, f.fields)
	}
}

func TestASubmissionBecomesWhatTheFlowWorksOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	accepted := s.submit(submission(`"price_tolerance_percent":0`, `"price_tolerance_percent":5,"expires_at":"2027-01-10T13:30:00+01:00"`), "key-1").
		is(http.StatusAccepted).booking()
	b := s.house.rooms[booking.ID(accepted.Id)].b
	want := bookingtest.Ask(func(a *booking.Ask) {
		a.Reference = b.Reference
		a.Offer.TolerancePercent, a.Offer.ExpiresAt = 5, time.Date(2027, 1, 10, 12, 30, 0, 0, time.UTC)
		a.Stay.Rooms[0].ChildAges = []int{}
	})
	require.Equal(t, want, b.Ask)
}

// Fingerprints are stored: another one for the same submission would refuse the repetition of what an older version accepted.
func TestAFingerprintStaysWhatItWas(t *testing.T) {
	t.Parallel()
	meant, err := fingerprint(bookingtest.Ask())
	require.NoError(t, err)
	require.Equal(t, "1117c8dffb5cf439b147893ce7b1d9a466f53f0089055548ae3fdbf31477a74d", hex.EncodeToString(meant[:]))
}

func TestTheScaleOfEveryCurrencyIsThatOfISO4217(t *testing.T) {
	t.Parallel()
	// x/text has the decimals that people write (CLDR). Suppliers and payment providers count as ISO 4217 does, which keeps
	// the cents of these, though no shop does.
	isoKeeps := map[string]int{"IQD": 3}
	for _, code := range strings.Fields("AFN ALL AMD COP GYD IDR IRR KPW LAK LBP MGA MMK MNT MRO MUR PKR RSD SLL SOS SYP TZS UZS YER") {
		isoKeeps[code] = 2
	}
	for tender := currency.Query(); tender.Next(); {
		code := tender.Unit().String()
		scale, _ := currency.Standard.Rounding(tender.Unit())
		if iso, ok := isoKeeps[code]; ok {
			require.Zero(t, scale, code)
			scale = iso
		}
		require.Equal(t, scale, booking.Scale(code), code)
	}
}

func TestCurrenciesYoungerThanTheTablesAreTaken(t *testing.T) {
	t.Parallel()
	var f findings
	for _, code := range []string{"EUR", "MRU", "SLE", "VES", "XCG", "ZWG"} {
		require.Equal(t, booking.Money{Minor: 100, Currency: code}, newRules(nil, 1).money("", Money{Amount: "1.00", Currency: code}, &f))
	}
	require.Empty(t, f.fields)
}

func FuzzTextsOfSubmissions(f *testing.F) {
	for _, seed := range []string{"Ana", "", " ", "\u202e", "Nu\u0301n\u0303ez", "\xff", "é\u0301\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var found findings
		once := found.name("/x", text)
		if len(found.fields) == 0 {
			require.Equal(t, once, found.name("/x", once), "what is accepted stays as it is")
			require.False(t, strings.ContainsFunc(once, invisible))
		}
	})
}
