package web

import (
	"slices"

	"github.com/labstack/echo/v4"
)

// assetRoute is what pages load; its address begins with the version of all assets.
const assetRoute = "/assets/*"

// pageRoutes is every address of a page. They are no API: their forms and fragments change with the pages. A browser is known
// there by its session, and what it sends must come from a page of ours.
func (s *Server) pageRoutes() []route {
	guarded := []func(echo.Context) error{s.sameOrigin}
	return append(s.actRoutes(), []route{
		// whoever comes by
		{method: "GET", path: "/", access: accessPublic, handle: s.showCheckout, page: true, others: true}, // advertisements add what they like
		{method: "GET", path: "/booking-client.js", access: accessPublic, handle: s.clientModule, page: true},
		{method: "GET", path: "/booking-client.d.ts", access: accessPublic, handle: s.clientTypes, page: true},
		{method: "GET", path: assetRoute, access: accessPublic, handle: s.asset, page: true},
		{method: "GET", path: "/favicon.ico", access: accessPublic, handle: s.favicon, page: true},

		// whoever wants to sign in
		{method: "GET", path: signInPath, access: accessPublic, handle: s.showSignIn, page: true, query: []string{"next"}},
		{method: "POST", path: signInPath, access: accessPublic, handle: s.signIn, page: true, before: guarded},
		{method: "GET", path: oidcPath, access: accessPublic, handle: s.beginOIDC, page: true, query: []string{"next"}},
		{method: "GET", path: CallbackPath, access: accessPublic, handle: s.endOIDC, page: true, others: true},
		{method: "POST", path: "/support/sign-out", access: accessPublic, handle: s.signOut, page: true, before: guarded},

		// support staff
		{method: "GET", path: consolePath, access: accessViewer, handle: s.showFind, page: true, query: slices.Concat(filterParameters, []string{"cursor"}), lists: filterLists},
		{method: "GET", path: countPath, access: accessViewer, handle: s.countFound, page: true, query: filterParameters, lists: filterLists},
		{method: "GET", path: csvPath, access: accessViewer, handle: s.downloadCSV, page: true, query: filterParameters, lists: filterLists},
		{method: "GET", path: bulkPath, access: accessAgent, handle: s.showBulk, page: true, query: slices.Concat(filterParameters, []string{"action"}), lists: filterLists},
		{method: "POST", path: bulkPath, access: accessAgent, handle: s.stepBulk, page: true, query: filterParameters, lists: filterLists, before: guarded},

		{method: "GET", path: overviewPath, access: accessViewer, handle: s.showOverview, page: true},
		{method: "GET", path: overviewPath + "/figures", access: accessViewer, handle: s.showCharts, page: true, query: []string{"since"}},
		{method: "GET", path: pausesPath, access: accessSupervisor, handle: s.showPause, page: true, query: []string{"what"}},
		{method: "POST", path: pausesPath, access: accessSupervisor, handle: s.pause, page: true, before: guarded},
		{method: "GET", path: bookingsPath + "/:identifier", access: accessViewer, handle: s.showBooking, page: true, query: bookingParameters},
		{method: "GET", path: bookingsPath + "/:id/events", access: accessViewer, handle: s.streamChanges, page: true, query: []string{"seen"}},
	}...)
}

func (s *Server) favicon(c echo.Context) error { return s.file(c, "icon.svg", "public, max-age=86400") }
