// Package chaos proves the promises on the real process: it starts the real binary, kills it, pauses it, takes its database
// away and starves it while clients book, and compares afterwards what the clients were told with what really happened.
// Beside its clients and the judge it has nothing but tests, and none of them runs under a plain go test: `make chaos` runs
// the short form, `make chaos FORM=long` the long one, and CASE=regexp chooses cases. With TEST_ENGINE=jetstream in the
// environment all cases run on that engine: over a broker inside where there is SQLite, else over a real one of the case's own.
//
// A case is written like this:
//
//	func TestSomethingIsSurvived(t *testing.T) {
//		form := runs(t) // skips, but under make chaos; form.of(5, 50) is 5 in the short form and 50 in the long one
//		c := newCase(t, "something", onPostgres(t, server), "BOOKING_WORKERS__MEMORY=50")
//		one, two := c.start(), c.start() // two instances, ready
//		c.sandbox.misbehave(usualFaults)
//		load := c.offer(plan{clients: 60}) // clients that book, cancel, repeat themselves and follow each booking to its end
//		for range form.of(5, 50) {
//			load.acks(40) // waits until 40 more were acknowledged, so that whatever comes next strikes while work is in flight
//			c.kill(one)
//			one = c.start()
//		}
//		c.finish(load, needs{"crashed", "replayed"}) // no new bookings, no more faults, everything to rest, compare, report
//	}
//
// What a case is made of:
//
//   - storage says where the service keeps bookings, and how the harness gets there by a way of its own that the case leaves
//     alone (onSQLite, onPostgres; fill in the struct to put a proxy or a limited role in the service's way).
//   - sandbox is the outside: a process of its own that is never killed. Its ledger and journal are what really happened.
//     c.start(environ...) takes BOOKING_SANDBOX__URL of an instance, too, where a proxy is to stand in between.
//   - instance is one `booking serve`: c.kill, c.pause, c.resume, c.terminate. Its metrics are read before each of them and
//     summed over all that ever ran.
//   - fleet is instances with a role each and a broker of three nodes: f.lose a member, f.relieve it, f.leader().Kill().
//   - load is the clients. Each submission has its own Idempotency-Key, which is repeated until there is an answer; every answer
//     is remembered. What each booking must come to is known from its magic tokens (judge.Kinds).
//   - finish ends the load, clears the sandbox's faults, waits until nothing moves any more, gathers the evidence and checks it
//     (judge.Evidence.Violations, itself tested by fabricated violations), and reports one line: what was acknowledged, what was
//     done to it, and what was lost, doubled, inconsistent, stuck or not monotone, all of which must be 0. A counter in needs
//     that stayed at 0 fails the case, too: a fault that never struck proves nothing.
package chaos
