// Package jetstream is what the service says and hears over NATS JetStream, and the only package that knows its library.
// PostgreSQL stays the truth: what goes through here may be lost, doubled or late, and nothing but time is.
package jetstream
