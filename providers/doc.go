// Package providers is what every vendor's adapter is made of: one place that makes an HTTP call (Caller), and one table
// that says what its failure means (classify.go). The adapters are in the folders below, one for each kind of outside
// system and inside it one for each vendor; they translate words and nothing else.
//
//	caller, err := providers.NewCaller(cfg, providers.Vendor{Name: "rapid", Down: booking.SupplierUnavailable, Code: code})
//	...
//	err = caller.Do(ctx, providers.Request{Operation: "hold", Method: "POST", Path: "/holds", Body: body}, &answer)
//
// An adapter tries once. Retries are the flow's, because for money they must be seen; breakers are the engine's.
package providers
