package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// findParameters are what a view of the list is made of; all of it is in the address, so that it can be shared.
var findParameters = []string{"q", "status", "attention", "supplier", "failure", "older_than", "newer_than", "uncaptured", "cursor", "view"}

// showFind is the list of bookings, and the box that finds one by anything it is called.
func (s *Server) showFind(c echo.Context) error {
	return s.render(c, http.StatusOK, "find", nil)
}
