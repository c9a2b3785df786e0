package storetest

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// machineRuns is how often a state machine runs where -rapid.checks does not say: each run is some dozens of transactions.
const machineRuns = 15

// Machine runs a state machine, each time in another way.
func Machine(t *testing.T, run func(*rapid.T)) {
	t.Helper()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	runs, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if runs++; runs > machineRuns && !said && !failed {
			return
		}
		passed := false
		defer func() { failed = failed || !passed }() // then rapid looks for a shorter way to fail, and is not to be kept from it
		run(rt)
		passed = true
	})
}
