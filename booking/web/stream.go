package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// StreamBooking sends the booking at every change, until it is decided. It runs in the goroutine that net/http has for the
// connection, and keeps nothing but the last version.
func (s *Server) StreamBooking(c echo.Context, id string, params StreamBookingParams) error {
	p := caller(c)
	b, err := s.ownBooking(c.Request().Context(), p, id)
	if err != nil {
		return err
	}
	seen := 0
	if params.LastEventID != "" {
		if seen, err = strconv.Atoi(params.LastEventID); err != nil || seen < 0 {
			return badParameter("header:Last-Event-ID", "invalid_format", "It is not the id of an event of this stream.")
		}
	}
	if b.Terminal() && seen >= b.Version {
		return c.NoContent(http.StatusNoContent) // which tells browsers not to come back
	}
	ctx, leave, err := s.openStream(c)
	defer leave()
	if err != nil {
		return err
	}
	glance := func() (booking.Glance, error) { return s.ownGlance(ctx, p, id) }
	for {
		if b.Version > seen {
			text, err := event(b)
			if err != nil {
				return err
			}
			if err := s.send(c, text); err != nil {
				return err
			}
			seen = b.Version
		}
		if b.Terminal() {
			return nil
		}
		switch _, err := s.waitOrPing(ctx, b.ID, seen, glance); {
		case ctx.Err() != nil:
			return nil // the client went, the stream is old, or the server stops
		case errors.Is(err, context.DeadlineExceeded):
			if err := s.send(c, []byte(": ping\n\n")); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if b, err = s.ownBooking(ctx, p, id); err != nil {
				return err
			}
		}
	}
}

// openStream begins an answer that is a stream of events. ctx ends when the client goes, the stream is old, or the server stops;
// leave is to be called in any case.
func (s *Server) openStream(c echo.Context) (ctx context.Context, leave func(), err error) {
	held, release, err := s.occupy(c)
	if err != nil {
		return nil, release, err
	}
	ctx, cancel := context.WithTimeout(held, s.config.StreamMax)
	leave = func() {
		cancel()
		release()
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("Cache-Control", "private, no-cache")
	header.Set("X-Accel-Buffering", "no") // nginx holds it back otherwise
	c.Response().WriteHeader(http.StatusOK)
	return ctx, leave, s.send(c, []byte("retry: 2000\n\n"))
}

// occupy counts an answer that takes long among those that are held. ctx ends with the request, or when the server stops; leave
// is to be called in any case.
func (s *Server) occupy(c echo.Context) (ctx context.Context, leave func(), err error) {
	release, ok := s.hold()
	if !ok {
		return nil, release, &problem{code: ProblemCodeUnavailable, retryAfter: 5 * time.Second, cause: errors.New("too many streams")}
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	undrained := context.AfterFunc(s.draining, cancel)
	return ctx, func() {
		undrained()
		cancel()
		release()
	}, nil
}

// waitOrPing returns the version, as glance tells it, once that is above seen, or context.DeadlineExceeded when it is time for
// a ping.
func (s *Server) waitOrPing(ctx context.Context, id booking.ID, seen int, glance func() (booking.Glance, error)) (version int, err error) {
	quiet, cancel := context.WithTimeout(ctx, s.config.PingEvery)
	defer cancel()
	ended := s.engine.Wait(quiet, id, func() (int, bool) {
		g, failed := glance()
		version, err = g.Version, failed
		return version, err == nil && version <= seen
	})
	if err != nil {
		return 0, err
	}
	return version, ended
}

// send writes and flushes, within the write time-out counted from now.
func (s *Server) send(c echo.Context, text []byte) error {
	if err := outlive(c, s.config.WriteTimeout); err != nil {
		return err
	}
	if _, err := c.Response().Write(text); err != nil {
		return err
	}
	return ignoreUnsupported(http.NewResponseController(c.Response()).Flush())
}

func event(b *booking.Booking) ([]byte, error) {
	body := render(b)
	data, err := encodeBooking(&body)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte("id: "+strconv.Itoa(b.Version)+"\nevent: status\ndata: "), data, []byte("\n\n")), nil
}
