// Package brokertest plays a NATS JetStream broker in the time of a testing/synctest bubble: no network, no goroutines, and
// all luck from a source that is handed in. It has what the package jetstream uses of one work-queue stream, and goes wrong
// as a real one does.
//
// Connect gives each process its own Connection, which is a jetstream.JetStream; the broker's methods are what happens to
// it. TestTheBrokerOfTestsIsLikeTheRealOne compares it with a real server.
package brokertest
