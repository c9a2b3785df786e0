package web

import (
	"strconv"
	"strings"
	"time"

	"hotelbooking/booking"
)

// etag of a version.
func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// matches tells whether an If-None-Match header names version.
func matches(ifNoneMatch string, version int) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == etag(version) {
			return true
		}
	}
	return false
}

// preferredWait reads wait=N of a Prefer header (RFC 7240), at most longest. What cannot be read is ignored, as that RFC has it.
func preferredWait(prefer string, longest time.Duration) (time.Duration, bool) {
	for preference := range strings.SplitSeq(prefer, ",") {
		preference, _, _ = strings.Cut(preference, ";")
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16)
		if err != nil || seconds == 0 {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, longest), true
	}
	return 0, false
}

// pollAfter is when asking again makes sense, in seconds; 0 once the booking is decided. It grows with the age of what
// is under way, because what is not done in a second is seldom done in two.
func pollAfter(g booking.Glance, now time.Time) int {
	since := g.CreatedAt
	switch g.Status {
	case booking.StatusConfirmed, booking.StatusFailed, booking.StatusCancelled:
		return 0
	case booking.StatusRequiresAction:
		return 5
	case booking.StatusInReview:
		return 30
	case booking.StatusCancelling:
		since = g.UpdatedAt // what is under way began with the wish, or was taken up again just now
	case booking.StatusPending, booking.StatusProcessing:
	}
	switch age := now.Sub(since); {
	case age < 10*time.Second:
		return 1
	case age < time.Minute:
		return 2
	case age < 5*time.Minute:
		return 5
	default:
		return 30
	}
}
