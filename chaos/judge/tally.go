package judge

// Tally is what came of all that was submitted.
type Tally struct {
	Acked     int            `json:"acked"`
	Unacked   int            `json:"unacked"`
	Confirmed int            `json:"confirmed"`
	Failed    int            `json:"failed"`
	Cancelled int            `json:"cancelled"`
	Parked    int            `json:"parked"`
	GaveUp    int            `json:"gave_up"` // failed for want of an answer, and were to be confirmed
	Wrong     map[string]int `json:"wrong"`   // by class; every one must be 0
}

// Tally counts what came of the submissions, and what was found to be wrong.
func (e Evidence) Tally(found []Violation) Tally {
	t := Tally{Wrong: map[string]int{}}
	for _, class := range Classes {
		t.Wrong[class] = 0
	}
	for _, v := range found {
		t.Wrong[v.Class()]++
	}
	for _, s := range e.Stories {
		if len(s.IDs) == 0 {
			t.Unacked++
			continue
		}
		t.Acked++
		row := e.Rows[s.IDs[0]]
		if row == nil {
			continue
		}
		switch {
		case row.Phase == "parked":
			t.Parked++
		case row.Status == Confirmed:
			t.Confirmed++
		case row.Status == Cancelled:
			t.Cancelled++
		case row.Status == Failed:
			t.Failed++
			if s.Kind.Want == Confirmed && !s.CancelSent {
				t.GaveUp++
			}
		}
	}
	return t
}
