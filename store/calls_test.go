package store

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
)

func anyCall(t *rapid.T) booking.Call {
	return booking.Call{
		Vendor: anyWord(t), Operation: anyWord(t), RequestID: anyWord(t), Key: maybe(t, "K7Q2M9X4TA:capture:2"),
		Status: rapid.IntRange(0, 599).Draw(t, "status"), Code: rapid.StringMatching(`[ -~ñ]{0,12}`).Draw(t, "code"),
		Fault: rapid.SampledFrom([]booking.FaultKind{"", booking.Refused, booking.NotDone, booking.Unclear}).Draw(t, "fault"),
		Took:  time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "took")) * time.Microsecond,
	}
}

func TestACallTakesNoMoreThanNinetyBytes(t *testing.T) {
	t.Parallel()
	call := booking.Call{
		Vendor: "sandbox payment", Operation: "authorize", RequestID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Key: "K7Q2M9X4TA:authorize:1",
		Status: 201, Took: 123456 * time.Microsecond,
	}
	one, two := writeCalls([]booking.Call{call}), writeCalls([]booking.Call{call, call})
	require.LessOrEqual(t, len(*one), 90)
	require.LessOrEqual(t, len(*two)-len(*one), 90)
	require.Equal(t, "1\nsandbox payment\tauthorize\tABCDEFGHIJKLMNOPQRSTUVWXYZ\tK7Q2M9X4TA:authorize:1\t201\t123456", *one, "rows have it like this")
}

func TestCallsThatCannotBeReadAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "2\na\tb", "x", "1\na\tb\tc\td\tmany", "1\na\tb\tc\td\t200\tlong", "1" + strings.Repeat("\na", callsMost+1),
		"1\na" + strings.Repeat("\t", callFields), "[]", "1\na\tb\tc\td\t99999999999999999999",
	} {
		require.Empty(t, readCalls(&text), "%q", text)
	}
	require.Nil(t, readCalls(nil))
	require.Nil(t, writeCalls(nil), "and take no room")
}

// Whatever a vendor calls its errors, calls are fit for every database, keep their number, and read the same for ever.
func FuzzCalls(f *testing.F) {
	f.Add("sandbox payment", "authorize", "ABC", "REF:authorize:1", "card_declined", "refused", 402, int64(1500), "1\na\tb")
	f.Add("\xff", "\t", "\n\n1", "\x00", "a\tb\nc\u0085", "", -1, int64(-1), "1\n\t\t\t\t-1\t-2\t\t")
	f.Fuzz(func(t *testing.T, vendor, operation, id, key, code, fault string, status int, took int64, stored string) {
		call := booking.Call{
			Vendor: vendor, Operation: operation, RequestID: id, Key: key, Status: status, Code: code, Fault: booking.FaultKind(fault),
			Took: time.Duration(took),
		}
		written := writeCalls([]booking.Call{call, {}, call})
		require.True(t, utf8.ValidString(*written) && !strings.Contains(*written, "\x00"))
		read := readCalls(written)
		require.Len(t, read, 3)
		require.Equal(t, booking.Call{}, read[1])
		require.Equal(t, read[0], read[2])
		require.Equal(t, status, read[0].Status)
		require.Equal(t, time.Duration(took).Truncate(time.Microsecond), read[0].Took)
		require.Equal(t, callWord(code), read[0].Code)
		require.Equal(t, written, writeCalls(read), "read and written again")

		if calls := readCalls(&stored); calls != nil { // whatever stands in a row
			again := writeCalls(calls)
			require.Equal(t, again, writeCalls(readCalls(again)))
		}
	})
}
