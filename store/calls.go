package store

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"hotelbooking/booking"
)

// The calls of a turn are stored as "1", which is how they are written, and a line for each, of vendor, operation, request id,
// idempotency key, HTTP status, microseconds, fault and the vendor's code, without those at the end that it has not. They are
// in most lines of history, so their length is paid for at each turn.

const (
	callsVersion = "1"
	callFields   = 8
	callsMost    = 16 // of one turn; none makes so many
)

// writeCalls writes calls; nil where there are none. What stands between fields is a space within them: codes are the vendors'.
func writeCalls(calls []booking.Call) *string {
	if len(calls) == 0 {
		return nil
	}
	text := []byte(callsVersion)
	for _, c := range calls[:min(len(calls), callsMost)] {
		fields := [callFields]string{
			callWord(c.Vendor), callWord(c.Operation), callWord(c.RequestID), callWord(c.Key), number64(int64(c.Status)),
			number64(c.Took.Microseconds()), callWord(string(c.Fault)), callWord(c.Code),
		}
		last := callFields
		for last > 1 && fields[last-1] == "" {
			last--
		}
		text = append(append(text, '\n'), strings.Join(fields[:last], "\t")...)
	}
	written := string(text)
	return &written
}

// readCalls reads what writeCalls wrote. Calls that cannot be read are none: nobody is to be kept from the rest of a history
// because of them.
func readCalls(text *string) []booking.Call {
	if text == nil {
		return nil
	}
	lines := strings.Split(*text, "\n")
	if lines[0] != callsVersion || len(lines) > 1+callsMost {
		return nil
	}
	var calls []booking.Call
	for _, line := range lines[1:] {
		written := strings.Split(line, "\t")
		if len(written) > callFields {
			return nil
		}
		var f [callFields]string
		copy(f[:], written)
		status, bad := parse64(f[4])
		took, worse := parse64(f[5])
		if bad || worse {
			return nil
		}
		calls = append(calls, booking.Call{
			Vendor: f[0], Operation: f[1], RequestID: f[2], Key: f[3], Status: int(status), Took: time.Duration(took) * time.Microsecond,
			Fault: booking.FaultKind(f[6]), Code: f[7],
		})
	}
	return calls
}

// callWord is a field that is no longer than an index could hold, and has nothing in it that ends a field.
func callWord(s string) string {
	return clean(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s), textLimit)
}

func number64(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func parse64(s string) (n int64, bad bool) {
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err != nil
}
