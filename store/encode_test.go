package store

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// A member that the facts get and encode.go does not have fails here.
func TestTheDocumentsOfATurnAreWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // to repeat it
	for range 5000 {
		var f booking.Facts
		scatter(random, reflect.ValueOf(&f).Elem())
		facts, err := encodeFacts(&f)
		require.NoError(t, err)
		for _, document := range []struct {
			of  any
			got string
		}{{f, facts}, {f.Terms, encodeTerms(f.Terms)}, {f.Money, encodeMoney(f.Money)}} {
			want, err := json.Marshal(document.of, asStored)
			require.NoError(t, err)
			require.Equal(t, string(want), document.got)
		}
	}
}

// scatter fills about half of what v can hold.
func scatter(random *rand.Rand, v reflect.Value) {
	if random.IntN(2) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"plain", `"quoted" \\ <b>&amp;`, "Núñez 京都 \u2028\x00\n\t", "no UTF-8: \xff"}[random.IntN(4)])
	case reflect.Int, reflect.Int64:
		v.SetInt(random.Int64())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			scatter(random, v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		scatter(random, v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(moment(random.Int64N(4e15))))
			return
		}
		if random.IntN(3) == 0 {
			return
		}
		for i := range v.NumField() {
			scatter(random, v.Field(i))
		}
	default:
		panic("nothing to fill a " + v.Type().String() + " with")
	}
}
