package sandbox

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults is how one system misbehaves. Shares are between 0 and 1; at most one of the first four strikes a call, so that
// they sum to at most 1.
type Faults struct {
	Latency          *Latency `json:"latency,omitempty"`     // absent: as configured
	Refused          float64  `json:"refused_before_effect"` // 503, and nothing happened
	AnswerLost       float64  `json:"effect_answer_lost"`    // it happened, and the connection broke before the answer
	Late             float64  `json:"late_effect"`           // the connection broke, and it happens LateDelay afterwards
	Hang             float64  `json:"hang"`                  // nothing happened, and no answer ever comes
	Duplicate        float64  `json:"duplicate_delivery"`    // it arrives twice; notifications are sent twice
	LateEffectMillis int      `json:"late_effect_delay_ms"`  // 0: 3000
}

func (f Faults) problem() error {
	var problems []error
	for name, share := range map[string]float64{
		"refused_before_effect": f.Refused, "effect_answer_lost": f.AnswerLost, "late_effect": f.Late,
		"hang": f.Hang, "duplicate_delivery": f.Duplicate,
	} {
		if share < 0 || share > 1 {
			problems = append(problems, fmt.Errorf("%s: want a share between 0 and 1, got %v", name, share))
		}
	}
	if sum := f.Refused + f.AnswerLost + f.Late + f.Hang; sum > 1+1e-9 {
		problems = append(problems, fmt.Errorf("refused_before_effect, effect_answer_lost, late_effect and hang sum to %v: "+
			"want at most 1", sum))
	}
	if f.LateEffectMillis < 0 || f.LateEffectMillis > 3_600_000 {
		problems = append(problems, errors.New("late_effect_delay_ms: want 0 to 3600000"))
	}
	if f.Latency != nil {
		problems = append(problems, f.Latency.problem())
	}
	return errors.Join(problems...)
}

func (f Faults) lateBy() time.Duration {
	return time.Duration(orElse(f.LateEffectMillis, 3000)) * time.Millisecond
}

// strike is what is injected into one call.
type strike string

const (
	strikeNone    strike = ""
	strikeRefused strike = "refused_before_effect"
	strikeLost    strike = "effect_answer_lost"
	strikeLate    strike = "late_effect"
	strikeHang    strike = "hang"
)

// fate is the chance of one call.
type fate struct {
	strike  strike
	twice   bool
	late    time.Duration
	latency time.Duration
}

// dice draws fates. Its own lock: it is asked before a call gets anywhere near the books.
type dice struct {
	mu     sync.Mutex
	random *rand.Rand
	usual  map[System]Latency
	faults map[System]Faults
}

func newDice(seed uint64, usual map[System]Latency) *dice {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &dice{random: rand.New(rand.NewPCG(seed, 0)), usual: usual, faults: map[System]Faults{}}
}

func (d *dice) draw(system System) fate {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.faults[system]
	latency := d.usual[system]
	if f.Latency != nil {
		latency = *f.Latency
	}
	fate := fate{twice: d.random.Float64() < f.Duplicate, late: f.lateBy(), latency: d.latency(latency)}
	at := d.random.Float64()
	for _, s := range []struct {
		share  float64
		strike strike
	}{{f.Refused, strikeRefused}, {f.AnswerLost, strikeLost}, {f.Late, strikeLate}, {f.Hang, strikeHang}} {
		if at < s.share {
			fate.strike = s.strike
			break
		}
		at -= s.share
	}
	return fate
}

// latency is log-normal: the logarithms of the two given points fix its mean and its spread.
func (d *dice) latency(l Latency) time.Duration {
	const z99 = 2.3263 // the 99th percentile of the standard normal distribution
	if l.P50 == 0 {
		return 0
	}
	spread := math.Log(float64(l.P99)/float64(l.P50)) / z99
	millis := float64(l.P50) * math.Exp(spread*d.random.NormFloat64())
	return time.Duration(min(millis, 5*float64(l.P99)) * float64(time.Millisecond))
}

func (d *dice) set(faults map[System]Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for system, f := range faults {
		d.faults[system] = f
	}
}

func (d *dice) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.faults)
}

// get is what is in force for every system, the usual latency filled in.
func (d *dice) get() map[System]Faults {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[System]Faults{}
	for _, system := range systems() {
		f := d.faults[system]
		if f.Latency == nil {
			latency := d.usual[system]
			f.Latency = &latency
		}
		f.LateEffectMillis = orElse(f.LateEffectMillis, 3000)
		all[system] = f
	}
	return all
}
