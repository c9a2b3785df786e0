-- +goose Up

-- Events on their way to webhook endpoints: see webhooks.go. Times are microseconds since 1970, UTC. Exactly one of due_at,
-- delivered_at and dead_at is there. body is what is sent, byte for byte, at every try; it has no personal data.
CREATE TABLE webhook_deliveries (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint     TEXT COLLATE "C" NOT NULL,
    event_id     TEXT COLLATE "C" NOT NULL,
    type         TEXT COLLATE "C" NOT NULL,
    booking_id   UUID NOT NULL,
    version      BIGINT NOT NULL,
    -- Of several events of one version: which.
    part         BIGINT NOT NULL,
    body         TEXT NOT NULL,
    since_at     BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    due_at       BIGINT,
    -- Who is sending it, until due_at; empty: nobody.
    owner        TEXT COLLATE "C" NOT NULL,
    status       BIGINT NOT NULL,
    last_error   TEXT COLLATE "C" NOT NULL,
    delivered_at BIGINT,
    dead_at      BIGINT,
    UNIQUE (endpoint, event_id),
    CHECK (num_nonnulls(due_at, delivered_at, dead_at) = 1)
);
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
