package web

import (
	"errors"
	"sync"
	"time"
	_ "time/tzdata" // hotels' zones must be known on a machine that has no zone files
)

// zones are the time zones that hotels named so far. Package time reads a zone's file each time that it is asked.
type zones struct {
	mu    sync.RWMutex // guards named
	named map[string]*time.Location
}

func newZones() *zones { return &zones{named: map[string]*time.Location{}} }

// zonesMax is more than there are. A file can be called by many names, such as ./Europe/Madrid, and those come from outside.
const zonesMax = 1000

// find is the zone of an IANA name.
func (z *zones) find(name string) (*time.Location, error) {
	z.mu.RLock()
	known, ok := z.named[name]
	z.mu.RUnlock()
	if ok {
		return known, nil
	}
	if name == "Local" { // which is ours
		return nil, errors.New("not a zone of a hotel")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.named) < zonesMax {
		z.named[name] = zone
	}
	return zone, nil
}
