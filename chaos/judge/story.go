package judge

import "time"

// Story is all that one client did and saw about one booking. Its client writes it; the others read it once all have ended.
type Story struct {
	Key         string
	Kind        Kind
	IDs         []string // of each 202
	Reference   string
	Secret      string
	Replayed    bool // it was submitted again after its 202
	Unreplayed  bool // and was answered as if it were new
	Retries     int  // submissions without an answer, or with a 5xx
	Unavailable int  // answers 5xx, whatever was asked
	Cut         int  // connections that broke, or stayed silent, once they were there
	Refused     int  // the status of an answer that was neither
	CancelSent  bool
	CancelTaken bool // it was answered with 202
	Missing     int  // answers 404 after the 202
	Foreign     int  // other answers that nobody expects
	Seen        []Seen
	Acked       time.Time
	Decided     time.Time
}

// Seen is an answer that tells something new.
type Seen struct {
	Status   string
	Version  int
	Terminal bool
	Fee      string // of a cancellation
	Code     string // of a failure
}

// View is a booking as a client reads it.
type View struct {
	ID           string
	Reference    string
	Version      int
	Status       string
	Terminal     bool
	ClientSecret string `json:"client_secret"`
	Failure      struct{ Code string }
	Cancellation struct{ Fee struct{ Amount string } }
}

func (v View) Seen() Seen {
	return Seen{v.Status, v.Version, v.Terminal, v.Cancellation.Fee.Amount, v.Failure.Code}
}

// See remembers what tells something new.
func (s *Story) See(v View) {
	if now := v.Seen(); len(s.Seen) == 0 || now != s.Last() {
		s.Seen = append(s.Seen, now)
	}
}

// Last is what it saw last.
func (s *Story) Last() Seen {
	if len(s.Seen) == 0 {
		return Seen{}
	}
	return s.Seen[len(s.Seen)-1]
}
