package booking_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestModelCatchesADefectiveMachine breaks the machine on purpose, one branch at a time, and sees the random walk fail. A
// walk that stays green over a broken machine proves nothing.
func TestModelCatchesADefectiveMachine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the package once for each defect; not with -short")
	}
	for name, defect := range map[string]struct{ file, right, wrong string }{
		"an unclear answer is taken for a refusal": {
			"fault.go", "return Unknown(OutcomeUnknown).Because(err.Error())", "return Reject(SupplierRejected).Because(err.Error())"},
		"what is unclear is repeated without asking": {
			"machine.go", "\t\tf.ask(b, now)\n\tcase KindPark", "\t\tf.tryAgain(b, o, now)\n\tcase KindPark"},
		"a compensation that failed is skipped": {
			"machine.go", "\t\tf.undoAgain(b, o, now)", "\t\tb.mark(step.Name, func(m *Mark) { m.State = MarkUndone })\n\t\tf.unwind(b, now)"},
		"only finished steps are undone": {
			"machine.go", "return s == MarkBegun || s == MarkUnclear || s == MarkDone", "return s == MarkDone"},
		"money is given back before the supplier let go": {
			"machine.go", "\t\tcase s.Pivot:\n\t\t\treturn s, true\n", ""},
		"a refused repetition is taken as proof about the first attempt": {
			"machine.go", "\t\t\tif !m.Doubt {", "\t\t\tif true {"},
		"a failed capture cancels the stay": {
			"machine.go", "\tcase b.Result != Confirmed:\n", "\tcase true:\n"},
		"a dead process is taken for one that did nothing": {
			"patience.go", "\t\treturn Unknown(ProcessStopped), true\n", "\t\treturn Again(), true\n"},
		"a wish to cancel is forgotten at the step boundary": {
			"machine.go", "\tif b.Facts.Cancellation.pending() {\n\t\tf.turnRound", "\tif false {\n\t\tf.turnRound"},
		"the fee is captured under the key of the price": {
			"machine.go", "\t\t\tb.Facts.Money.CaptureTry++", "\t\t\tb.Facts.Money.CaptureTry += 0"},
		"absence is proof when giving back": {
			"flow.go", "\t\treturn undone(found.State == RoomGone)\n\tcase found.State == RoomHeld:", "\t\treturn undone(found.State != RoomHeld)\n\tcase found.State == RoomHeld:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(defect.file)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), defect.right), "the defect's place in %s has moved: mend this test", defect.file)
			dir := t.TempDir()
			broken, overlay := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(broken, []byte(strings.Replace(string(source), defect.right, defect.wrong, 1)), 0o600))
			here, err := filepath.Abs(defect.file)
			require.NoError(t, err)
			replace, err := json.Marshal(map[string]map[string]string{"Replace": {here: broken}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, replace, 0o600))

			walk := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-run", "^TestEveryBookingComesToRest", ".")
			walk.Env = append(os.Environ(), "MODEL_BOOKINGS=30000")
			output, err := walk.CombinedOutput()
			require.Error(t, err, "the walk did not notice:\n%s", output)
			require.Contains(t, string(output), "seed ", "it failed for another reason:\n%s", output)
		})
	}
}
