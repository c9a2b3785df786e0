package booking_test

import (
	"context"
	"fmt"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// A booking whose confirmation gets no answer: nothing is guessed, the supplier is asked, and the flow goes on.
func ExampleFlow() {
	silent := map[string]bookingtest.Fate{"confirm": bookingtest.LosesReply}
	world := bookingtest.NewWorld(func(operation string) bookingtest.Fate { return silent[operation] })
	flow := booking.NewFlow(world.Outside(), booking.DefaultLimits())
	b, _ := flow.Begin(bookingtest.Ask(), bookingtest.Start)
	for b.Place.Phase != booking.Ended {
		step, _ := flow.Step(b.Place.Step)
		act := step.Do
		if b.Place.Phase == booking.Finding {
			act = step.Find
		}
		line := flow.Apply(b, act(context.Background(), b), bookingtest.Start)
		fmt.Println(line.Version, line.Status, "-", line.Say())
	}
	fmt.Println(booking.Tell(b, bookingtest.Start).Charged)
	// Output:
	// 2 processing - checking price and availability: done.
	// 3 processing - screening for fraud: done.
	// 4 processing - reserving the amount on the card: done.
	// 5 processing - confirming the room with the supplier: no answer (outcome_unknown), so the other side is asked.
	// 6 confirmed - asking about confirming the room with the supplier: done.
	// 7 confirmed - charging the card: done.
	// 8 confirmed - reporting the sale: done.
	// Yes: 346.00 EUR was charged.
}
