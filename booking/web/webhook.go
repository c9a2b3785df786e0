package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// ReceiveWebhook stores a vendor's notification once and answers fast. What it says is applied by the workers, who ask
// the vendor instead of believing it.
func (s *Server) ReceiveWebhook(c echo.Context, vendor string) error {
	v, ok := s.vendors[vendor]
	if !ok {
		return booking.ErrNotFound
	}
	body, err := readBody(c, webhookBodyMax)
	if err != nil {
		return err
	}
	notice, err := v.Read(c.Request().Header, body)
	switch {
	case errors.Is(err, booking.ErrForged):
		return &problem{code: ProblemCodeWebhookSignatureInvalid, cause: err}
	case err != nil: // the vendor's own, in a form that we do not know
		return &problem{code: ProblemCodeMalformedRequest, cause: err}
	}
	notice.Vendor = vendor
	fresh, err := s.notices.ReceiveNotice(c.Request().Context(), notice)
	if err != nil {
		return err
	}
	if fresh {
		s.engine.Noticed()
	}
	s.log.Info("webhook", zap.String("vendor", vendor), zap.String("kind", notice.Kind), zap.String("event", notice.EventID),
		zap.Bool("fresh", fresh), zap.String("request_id", requestID(c)))
	return answer(c, http.StatusOK, WebhookReceipt{Received: true})
}
