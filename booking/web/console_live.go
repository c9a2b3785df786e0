package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// streamChanges tells an open page of every change of its booking, by version and nothing else; the page then asks for what
// it shows. A decided booking is still watched: it is charged, refunded and written about.
func (s *Server) streamChanges(c echo.Context) error {
	b, err := s.bookingAt(c)
	if err != nil {
		return err
	}
	seen := b.Version
	for _, said := range []string{c.QueryParam("seen"), c.Request().Header.Get("Last-Event-ID")} {
		if known, err := strconv.Atoi(said); err == nil && known >= 0 {
			seen = known
		}
	}
	ctx, leave, err := s.openStream(c)
	defer leave()
	if err != nil {
		return err
	}
	glance := func() (booking.Glance, error) { return s.bookings.Glance(ctx, b.ID) }
	for {
		version, err := s.waitOrPing(ctx, b.ID, seen, glance)
		switch {
		case ctx.Err() != nil:
			return nil // the page was closed, the stream is old, or the server stops
		case errors.Is(err, context.DeadlineExceeded):
			if _, err := s.signedIn(c); err != nil {
				return nil // and who comes back is asked to sign in
			}
			err = s.send(c, []byte(": ping\n\n"))
		case err == nil:
			seen = version
			text := strconv.Itoa(version)
			err = s.send(c, []byte("id: "+text+"\nevent: changed\ndata: "+text+"\n\n"))
		}
		if err != nil {
			return err
		}
	}
}
