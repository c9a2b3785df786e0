package booking

import "strings"

// TraceID is the trace that all that is done for the booking belongs to, as tracing systems show it: 32 hexadecimal digits. Empty:
// it is not traced.
func (a Ask) TraceID() string {
	if parts := strings.Split(a.Trace, "-"); len(parts) == 4 {
		return parts[1]
	}
	return ""
}
