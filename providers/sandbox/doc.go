// Package sandbox is a server that plays the outside world: a hotel supplier, fraud screening, a PSP and a tracking system,
// each with a state machine of its own, over HTTP. It keeps its own ledger of what really happened, so that a test can
// compare it with what the service believes; therefore it shares no code with the service and imports none of it.
//
// The systems live under /hotel/v1, /fraud/v1, /payment/v1 and /tracking/v1 (see routes.go). Magic offer tokens,
// payment tokens and e-mail addresses choose what happens (tokens.go, cards.go, fraud.go). GET /_ledger says what
// exists per booking reference, PUT /_faults makes the systems misbehave, GET /_journal lists every call, POST /_settle
// lands what is still on its way, and POST /_reset empties everything.
//
//	server, err := sandbox.New(sandbox.DefaultConfig())
//	...
//	defer server.Close()
//	http.Serve(listener, server)
package sandbox
