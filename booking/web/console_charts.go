package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	chartStep  = 10 * time.Second // between two points
	chartCodes = 5                // lines of failures by code
)

// charts is what the page draws. Every list has one value for each instant of At, but for the oldest waiting: in seconds.
type charts struct {
	Begun   int64                `json:"begun"` // when this process did, in Unix milliseconds: the next answer may be another's
	At      []int64              `json:"at"`    // Unix seconds
	Rates   map[string][]float64 `json:"rates"`
	Codes   []codeLine           `json:"codes"`
	Backlog []int                `json:"backlog"`
	Held    []int                `json:"held"`
	Oldest  []float64            `json:"oldest"`
	Pools   []poolLine           `json:"pools"`
}

type codeLine struct {
	Code  booking.Reason `json:"code"`
	Rates []float64      `json:"rates"`
}

type poolLine struct {
	Pool    booking.Pool `json:"pool"`
	Size    int          `json:"size"`
	InUse   []int        `json:"in_use"`
	Waiting []int        `json:"waiting"`
}

// chartFrame is where assets/overview.js draws.
type chartFrame struct{ ID, Title string }

var chartFrames = []chartFrame{
	{"rates", "Bookings a minute"},
	{"codes", "Failed a minute, by code"},
	{"pools", "Pools: percent in use"},
	{"queues", "Pools: bookings that wait for a slot"},
	{"backlog", "Bookings due and waiting, and held in memory"},
	{"oldest", "How long the first has waited, in seconds"},
	{"unknown", "Turns with an unknown outcome, a minute"},
	{"shed", "Submissions sent away with 503, a minute"},
}

// showCharts answers with the points after since, in Unix seconds. What it answered once it answers again: only steps that are
// over have a point.
func (s *Server) showCharts(c echo.Context) error {
	since := int64(0)
	if text := c.QueryParam("since"); text != "" {
		var err error
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return badParameter("query:since", "invalid_format", "It is a time in Unix seconds.")
		}
	}
	points := draw(s.controls.Figures(), since)
	points.Begun = s.begun.UnixMilli()
	return answer(c, http.StatusOK, points)
}

func draw(samples []booking.Figures, since int64) charts {
	out := charts{
		At: []int64{}, Rates: map[string][]float64{}, Codes: []codeLine{}, Backlog: []int{}, Held: []int{}, Oldest: []float64{}, Pools: []poolLine{},
	}
	for _, o := range outcomes {
		out.Rates[o.name] = []float64{}
	}
	if len(samples) == 0 {
		return out
	}
	first, last := samples[0], samples[len(samples)-1]
	for _, code := range topCodes(first, last, chartCodes) {
		out.Codes = append(out.Codes, codeLine{Code: code, Rates: []float64{}})
	}
	for _, p := range last.Pools {
		out.Pools = append(out.Pools, poolLine{Pool: p.Pool, Size: p.Size, InUse: []int{}, Waiting: []int{}})
	}
	step := func(i int) int64 { return samples[i].At.UnixNano() / int64(chartStep) }
	for i := range len(samples) - 1 {
		if step(i) != step(i+1) && samples[i].At.Unix() > since {
			out.add(minuteBefore(samples, i), samples[i])
		}
	}
	return out
}

func (c *charts) add(minute, f booking.Figures) {
	c.At = append(c.At, f.At.Unix())
	for _, o := range outcomes {
		c.Rates[o.name] = append(c.Rates[o.name], perMinute(minute, f, o.of))
	}
	for i := range c.Codes {
		line := &c.Codes[i]
		line.Rates = append(line.Rates, perMinute(minute, f, func(f booking.Figures) int64 { return f.Codes[line.Code] }))
	}
	c.Backlog, c.Held = append(c.Backlog, f.Backlog), append(c.Held, f.Held)
	c.Oldest = append(c.Oldest, f.Oldest.Round(100*time.Millisecond).Seconds())
	for i := range c.Pools {
		line := &c.Pools[i]
		var used booking.PoolFigures
		for _, p := range f.Pools {
			if p.Pool == line.Pool {
				used = p
			}
		}
		line.InUse, line.Waiting = append(line.InUse, used.InUse), append(line.Waiting, used.Waiting)
	}
}
