package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// showCheckout is the page on which guests book.
func (s *Server) showCheckout(c echo.Context) error {
	return s.render(c, http.StatusOK, "checkout", nil)
}

// clientModule serves the module that frontends can take.
func (s *Server) clientModule(c echo.Context) error {
	return s.file(c, "booking-client.js", "public, max-age=300")
}

// clientTypes serves the module's types.
func (s *Server) clientTypes(c echo.Context) error {
	return s.file(c, "booking-client.d.ts", "public, max-age=300")
}
