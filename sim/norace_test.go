//go:build !race

package sim_test

const (
	raced    = false
	fewSeeds = 8
)
