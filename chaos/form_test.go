package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var (
	chosen     = flag.String("chaos", "", "short or long: run the cases in this form")
	keepLogs   = flag.String("chaos.keep", "", "a directory in which the logs of all processes stay")
	reportFile = flag.String("chaos.report", "", "a file to which each case adds a line of JSON")
)

// form is how much a case does.
type form bool

const (
	short form = false
	long  form = true
)

// of is a number of the form.
func (f form) of(inShort, inLong int) int {
	if f == long {
		return inLong
	}
	return inShort
}

// runs tells in which form a case runs, or skips it.
func runs(t *testing.T) form {
	t.Helper()
	switch *chosen {
	case "short":
		return short
	case "long":
		return long
	case "":
		t.Skip("chaos kills real processes under load, for minutes: make chaos, or make chaos FORM=long")
	default:
		t.Fatalf("-chaos=%s: want short or long", *chosen)
	}
	return short
}

// beside lets a case run beside others, which a case that measures something must not.
func beside(t *testing.T) form {
	t.Helper()
	form := runs(t)
	if form == short {
		t.Parallel()
	}
	return form
}

func TestMain(m *testing.M) {
	code := m.Run()
	built.remove()
	if *chosen != "" {
		fmt.Print(reports.summary())
	}
	os.Exit(code)
}
