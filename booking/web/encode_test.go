package web

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// A member that the specification gets and encode.go does not have fails here.
func TestABookingIsEncodedAsItsModelSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // to repeat it
	for range 5000 {
		var b Booking
		scatter(random, reflect.ValueOf(&b).Elem())
		want, err := json.Marshal(&b)
		require.NoError(t, err)
		got, err := encodeBooking(&b)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

func TestATextThatIsNotUTF8IsNotAnswered(t *testing.T) {
	t.Parallel()
	_, err := encodeBooking(&Booking{Stage: "\xff", Price: Money{Amount: "1.00", Currency: "EUR"}})
	require.Error(t, err)
}

// scatter fills about half of what v can hold.
func scatter(random *rand.Rand, v reflect.Value) {
	if random.IntN(2) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"plain", `"quoted" \ <b>&amp;`, "Núñez 京都 \u2028\x00\n\t"}[random.IntN(3)])
	case reflect.Int:
		v.SetInt(random.Int64())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), random.IntN(4), 4))
		for i := range v.Len() {
			scatter(random, v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(instant(time.UnixMicro(random.Int64N(4e15)))))
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
