package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// field is a named value of a measurement. Its name, in snake_case, ends in its unit.
type field struct {
	name  string
	value any
}

// labels say what was measured: pairs of name and value, in the order in which they are to be shown.
func labels(pairs ...any) []field {
	var fields []field
	for i := 0; i+1 < len(pairs); i += 2 {
		fields = append(fields, field{pairs[i].(string), pairs[i+1]}) //nolint:forcetypeassert // a literal of ours
	}
	return fields
}

// sample is what one run of a measurement found: figures, in the order in which they are to be shown.
type sample []figure

type figure struct {
	name  string
	value float64
}

func (s *sample) add(name string, value float64) { *s = append(*s, figure{name, value}) }

// report prints measurements: a table for each shape of them, or a JSON object a line.
type report struct {
	out      io.Writer
	json     bool
	scenario string
	table    *tabwriter.Writer
	heading  string // of the table that is being written
}

func newReport(out io.Writer, asJSON bool) *report { return &report{out: out, json: asJSON} }

// machine says what the figures were taken on.
func (r *report) machine() {
	about := labels("measurement", "machine", "cores", runtime.NumCPU(), "gomaxprocs", runtime.GOMAXPROCS(0), "cpu", cpuModel(), "os", kernel(), "go", runtime.Version())
	if r.json {
		r.object(about, nil)
		return
	}
	fmt.Fprintf(r.out, "%d cores (GOMAXPROCS %d), %s, %s, %s; the load driver and the databases share them\n",
		runtime.NumCPU(), runtime.GOMAXPROCS(0), cpuModel(), kernel(), runtime.Version())
}

func (r *report) begin(scenario string) {
	r.scenario, r.heading = scenario, ""
	if !r.json {
		fmt.Fprintf(r.out, "\n== %s\n", scenario)
	}
}

func (r *report) end() {
	if r.table != nil {
		_ = r.table.Flush() // whoever reads the report sees that it is cut
		r.table = nil
	}
}

// note adds a line about settings or limits to the scenario.
func (r *report) note(format string, args ...any) {
	if r.json {
		r.object(labels("scenario", r.scenario, "note", fmt.Sprintf(format, args...)), nil)
		return
	}
	r.end()
	r.heading = ""
	fmt.Fprintf(r.out, format+"\n", args...)
}

// measured reports the median of each figure over the runs, and, for more than one run, the least and the most.
func (r *report) measured(of []field, runs []sample) {
	of = append([]field{{"scenario", r.scenario}}, of...)
	if r.json {
		r.object(append(of, field{"runs", len(runs)}), runs)
		return
	}
	var names, values []string
	for _, f := range of[1:] {
		names, values = append(names, f.name), append(values, fmt.Sprint(f.value))
	}
	for i, f := range runs[0] {
		all := valuesAt(runs, i)
		text := short(median(all))
		if least, most := slices.Min(all), slices.Max(all); short(least) != short(most) {
			text += " (" + short(least) + "-" + short(most) + ")"
		}
		names, values = append(names, f.name), append(values, text)
	}
	if heading := strings.Join(names, "\t"); heading != r.heading {
		r.end()
		r.heading = heading
		r.table = tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(r.table, heading)
	}
	fmt.Fprintln(r.table, strings.Join(values, "\t"))
}

// object writes one line of JSON, its fields in order.
func (r *report) object(of []field, runs []sample) {
	fields := slices.Clone(of)
	if len(runs) > 0 {
		for i, f := range runs[0] {
			fields = append(fields, field{f.name, rounded(median(valuesAt(runs, i)))})
		}
	}
	if len(runs) > 1 {
		for i, f := range runs[0] {
			all := valuesAt(runs, i)
			fields = append(fields, field{f.name + "_spread", []float64{rounded(slices.Min(all)), rounded(slices.Max(all))}})
		}
	}
	var line strings.Builder
	for i, f := range fields {
		line.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		name, _ := json.Marshal(f.name)   // a string
		value, _ := json.Marshal(f.value) // a string, a number or two
		fmt.Fprintf(&line, "%s:%s", name, value)
	}
	fmt.Fprintln(r.out, line.String()+"}")
}

func valuesAt(runs []sample, i int) []float64 {
	values := make([]float64, len(runs))
	for k, run := range runs {
		values[k] = run[i].value
	}
	return values
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// rounded keeps four significant digits: there are no more in a figure of these machines.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func short(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	case math.Abs(v) >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return runtime.GOOS + " " + strings.TrimSpace(string(release))
}
