// Package sim proves the promises in simulated time. Several instances of the service (engine, store, adapters, HTTP
// handlers: the real ones) share a database in memory and a sandbox that plays the outside world and keeps its own ledger.
// In half of the schedules they all do everything, and look in the database for it; in the other half they tell one another
// over a broker, which is played as well, and some divide the work among them. Everything runs in one bubble of
// testing/synctest, so that minutes pass in milliseconds, and draws its luck from one seed, so that a run can be repeated
// exactly. Processes die, sleep and come back at any commit and any call; answers are lost, late or doubled; hints are, too,
// or never arrive at all; the database, the vendors and the broker go away; the database's clock jumps; guests cancel, walk
// away and come back. Afterwards what guests were told, what the database holds and what the ledger knows must agree.
//
// What it leaves out: PostgreSQL and its concurrency, fsync, sockets, and the store of one process for each instance; they
// share one, whose commits are whole; and that a broker is several servers. The tests in chaos have all of these, and far
// fewer schedules.
//
// There is nothing here but tests:
//
//	go test ./sim                                       a few schedules and crash points, with all other tests
//	make sim                                            what continuous integration runs: schedules, crash points, mutants
//	go test ./sim -run '^TestSchedule$' -first 7 -seeds 1 -story schedule 7, with its story in a file
//	go test ./sim -run '^TestSchedule$' -engine jetstream -seeds 9 nine schedules of one engine
//
// Start reading at world_test.go; which processes there are is in fleet_test.go; what must hold is in check_test.go and
// hints_test.go; what goes wrong is in nemesis_test.go and broker_test.go; how the checks themselves are checked, by defects
// put into the code on purpose, is in mutants_test.go.
package sim
