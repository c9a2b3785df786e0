-- +goose Up

-- Events on their way to webhook endpoints: see webhooks.go. Times are microseconds since 1970, UTC. Exactly one of due_at,
-- delivered_at and dead_at is there. body is what is sent, byte for byte, at every try; it has no personal data.
CREATE TABLE webhook_deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint     TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    type         TEXT NOT NULL,
    booking_id   TEXT NOT NULL,
    version      INTEGER NOT NULL,
    -- Of several events of one version: which.
    part         INTEGER NOT NULL,
    body         TEXT NOT NULL,
    since_at     INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    due_at       INTEGER,
    -- Who is sending it, until due_at; empty: nobody.
    owner        TEXT NOT NULL,
    status       INTEGER NOT NULL,
    last_error   TEXT NOT NULL,
    delivered_at INTEGER,
    dead_at      INTEGER,
    UNIQUE (endpoint, event_id),
    CHECK ((due_at IS NOT NULL) + (delivered_at IS NOT NULL) + (dead_at IS NOT NULL) = 1)
) STRICT;
CREATE INDEX webhook_due ON webhook_deliveries (endpoint, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_line ON webhook_deliveries (endpoint, booking_id, version, part) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_waiting ON webhook_deliveries (endpoint, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_dead ON webhook_deliveries (endpoint, id) WHERE dead_at IS NOT NULL;
CREATE INDEX webhook_delivered ON webhook_deliveries (delivered_at) WHERE delivered_at IS NOT NULL;
-- For lists, newest first.
CREATE INDEX webhook_due_id ON webhook_deliveries (id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_dead_id ON webhook_deliveries (id) WHERE dead_at IS NOT NULL;
CREATE INDEX webhook_endpoint ON webhook_deliveries (endpoint, id);
CREATE INDEX webhook_booking ON webhook_deliveries (booking_id, id);
