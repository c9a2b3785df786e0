//go:build race

package sim_test

// Under the race detector a simulation is ten times as slow, and who runs first is left to chance: a few are enough to look
// for data races, and none can be repeated.
const (
	raced    = true
	fewSeeds = 3
)
