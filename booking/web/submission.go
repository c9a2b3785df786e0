package web

import (
	"crypto/sha256"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"hotelbooking/booking"
)

// rules are the domain's rules about a submission, beyond what a schema can say.
type rules struct {
	currencies map[string]bool // ISO 4217 codes of what is legal tender somewhere today
	suppliers  map[string]bool // empty: any
	zones      *zones
	nightsMax  int
}

func newRules(suppliers []string, nightsMax int) rules {
	r := rules{currencies: map[string]bool{}, suppliers: map[string]bool{}, zones: newZones(), nightsMax: nightsMax}
	for tender := currency.Query(); tender.Next(); {
		r.currencies[tender.Unit().String()] = true
	}
	for _, younger := range []string{"MRU", "SLE", "VES", "XCG", "ZWG"} { // than the tables of x/text
		r.currencies[younger] = true
	}
	for _, s := range suppliers {
		r.suppliers[s] = true
	}
	return r
}

// findings collects what is wrong, so that a caller learns everything at once. late are those that the passing of time
// alone can bring about.
type findings struct {
	fields []FieldError
	late   []FieldError
}

func (f *findings) add(pointer, code, detail string) {
	f.fields = append(f.fields, FieldError{pointer, code, detail})
}

func (f *findings) addLate(pointer, code, detail string) {
	f.late = append(f.late, FieldError{pointer, code, detail})
}

// ask turns a submission into what the flow works on, and says what makes no sense about it. Texts are normalised (NFC)
// and trimmed, so that two spellings of one name are one.
func (r rules) ask(in Submission, client string, now time.Time) (booking.Ask, findings) {
	var f findings
	out := booking.Ask{
		Client:          client,
		ClientReference: f.line("/client_reference", in.ClientReference),
		Offer:           r.offer(in.Offer, now, &f),
		Stay:            r.stay(in.Stay, now, &f),
		Contact:         contact(in.Contact, &f),
		PaymentToken:    in.Payment.Token,
		ReturnURL:       returnURL(in.Payment.ReturnUrl, &f),
		Attribution:     attribution(in.Attribution, &f),
	}
	return out, f
}

func (r rules) offer(in Offer, now time.Time, f *findings) booking.Offer {
	out := booking.Offer{
		Supplier: in.Supplier, Token: f.line("/offer/token", in.Token), Total: r.money("/offer/total", in.Total, f),
		TolerancePercent: in.PriceTolerancePercent,
	}
	if len(r.suppliers) > 0 && !r.suppliers[in.Supplier] {
		f.add("/offer/supplier", "unknown_value", "There is no such supplier.")
	}
	if out.Total.Minor == 0 && out.Total.Currency != "" {
		f.add("/offer/total/amount", "too_small", "It must be more than nothing.")
	}
	if in.ExpiresAt.IsZero() {
		return out
	}
	out.ExpiresAt = in.ExpiresAt.UTC()
	if !now.Before(in.ExpiresAt) {
		f.addLate("/offer/expires_at", "past", "The offer has expired.")
	}
	return out
}

// money is the amount, or the zero Money after a finding.
func (r rules) money(pointer string, in Money, f *findings) booking.Money {
	if !r.currencies[in.Currency] {
		f.add(pointer+"/currency", "unknown_value", "It is not a currency of today, by ISO 4217.")
		return booking.Money{}
	}
	out, err := booking.ParseMoney(in.Amount, in.Currency)
	if err != nil {
		f.add(pointer+"/amount", "wrong_scale", "Amounts in "+in.Currency+" have exactly "+plural(uint64(booking.Scale(in.Currency)), "decimal")+", and at most 15 digits.") //nolint:gosec // 0 to 4
	}
	return out
}

func (r rules) stay(in Stay, now time.Time, f *findings) booking.Stay {
	out := booking.Stay{
		HotelID: f.line("/stay/hotel_id", in.HotelId), HotelName: f.line("/stay/hotel_name", in.HotelName),
		HotelTimezone: in.HotelTimezone, CheckIn: in.CheckIn, CheckOut: in.CheckOut,
	}
	r.dates(in, now, f)
	for i, room := range in.Rooms {
		out.Rooms = append(out.Rooms, bookedRoom("/stay/rooms/"+strconv.Itoa(i), room, f))
	}
	return out
}

// dates are the hotel's: its today is what counts, and a guest who arrives after midnight still books last night.
func (r rules) dates(in Stay, now time.Time, f *findings) {
	zone, err := r.zones.find(in.HotelTimezone)
	if err != nil {
		f.add("/stay/hotel_timezone", "unknown_value", "It is not the name of a time zone, such as Europe/Madrid.")
		zone = time.UTC
	}
	checkIn, err := time.Parse(time.DateOnly, in.CheckIn)
	if err != nil {
		f.add("/stay/check_in", "invalid_format", "There is no such day.")
	}
	checkOut, errOut := time.Parse(time.DateOnly, in.CheckOut)
	if errOut != nil {
		f.add("/stay/check_out", "invalid_format", "There is no such day.")
	}
	if err != nil || errOut != nil {
		return
	}
	switch nights := int(checkOut.Sub(checkIn).Hours() / 24); {
	case nights < 1:
		f.add("/stay/check_out", "not_after", "It must be after check-in.")
	case nights > r.nightsMax:
		f.add("/stay/check_out", "too_far", "A stay has at most "+plural(uint64(r.nightsMax), "night")+".") //nolint:gosec // positive: see Config
	}
	year, month, day := now.In(zone).Date()
	if yesterday := time.Date(year, month, day-1, 0, 0, 0, 0, time.UTC); checkIn.Before(yesterday) {
		f.addLate("/stay/check_in", "past", "Check-in is over in the hotel's time zone.")
	}
}

func bookedRoom(pointer string, in Room, f *findings) booking.Room {
	out := booking.Room{Adults: in.Adults, ChildAges: in.ChildAges, SpecialRequests: f.text(pointer+"/special_requests", in.SpecialRequests)}
	leads := 0
	for i, g := range in.Guests {
		at := pointer + "/guests/" + strconv.Itoa(i)
		out.Guests = append(out.Guests, booking.Guest{
			GivenName: f.name(at+"/given_name", g.GivenName), FamilyName: f.name(at+"/family_name", g.FamilyName), Lead: g.Lead,
		})
		if g.Lead {
			leads++
		}
	}
	if leads != 1 {
		f.add(pointer+"/guests", "one_lead_required", "Exactly one guest leads a room.")
	}
	if len(in.Guests) > in.Adults+len(in.ChildAges) {
		f.add(pointer+"/guests", "too_many_guests", "More guests are named than sleep there.")
	}
	return out
}

func contact(in Contact, f *findings) booking.Contact {
	out := booking.Contact{
		GivenName: f.name("/contact/given_name", in.GivenName), FamilyName: f.name("/contact/family_name", in.FamilyName),
		Email: norm.NFC.String(strings.TrimSpace(in.Email)), Phone: in.Phone, Country: in.Country, Language: in.Language,
	}
	if address, err := mail.ParseAddress(out.Email); err != nil || address.Address != out.Email || address.Name != "" {
		f.add("/contact/email", "invalid_format", "It is not an e-mail address.")
	}
	if region, err := language.ParseRegion(in.Country); in.Country != "" && (err != nil || !region.IsCountry() || region.Canonicalize() != region) {
		f.add("/contact/country", "unknown_value", "It is not a country, by ISO 3166-1 alpha-2.")
	}
	if in.Language == "" {
		return out
	}
	tag, err := language.Parse(in.Language)
	if err != nil {
		f.add("/contact/language", "unknown_value", "It is not a language tag, by BCP 47.")
	}
	out.Language = tag.String()
	return out
}

// returnURL must be one that a bank may send a guest to: nothing that runs, nothing that is not encrypted on its way.
func returnURL(text string, f *findings) string {
	if text == "" {
		return ""
	}
	const pointer = "/payment/return_url"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		f.add(pointer, "invalid_format", "It is not an absolute https address without user and password.")
	case u.Scheme == "http" && !ownMachine(u.Hostname()):
		f.add(pointer, "not_allowed", "It must be https; http is for addresses of the browser's own machine.")
	}
	return text
}

func ownMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

var attributionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func attribution(in Attribution, f *findings) map[string]string {
	out := make(map[string]string, len(in))
	for name, value := range in {
		if !attributionName.MatchString(name) {
			f.add("/attribution", "invalid_format", "Names are lower case with underscores, at most 40 characters.")
			continue
		}
		out[name] = f.line("/attribution/"+name, value)
	}
	return out
}

// fingerprint is the SHA-256 of a validated submission: of what was meant, not of how it was written.
func fingerprint(ask booking.Ask) ([sha256.Size]byte, error) {
	meant := sha256.New()
	err := json.MarshalWrite(meant, &struct {
		ClientReference string
		Offer           booking.Offer
		Stay            booking.Stay
		Contact         booking.Contact
		PaymentToken    string
		Attribution     map[string]string
		ReturnURL       string `json:",omitzero"` // a field that came later: what was submitted without it keeps its fingerprint
	}{ask.ClientReference, ask.Offer, ask.Stay, ask.Contact, ask.PaymentToken, ask.Attribution, ask.ReturnURL}, json.Deterministic(true))
	return [sha256.Size]byte(meant.Sum(nil)), err
}
