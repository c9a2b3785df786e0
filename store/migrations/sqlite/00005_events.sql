-- +goose Up

-- What other systems are told of a line, as JSON: see events.go. NULL: nothing, or nobody wanted to know.
ALTER TABLE history ADD COLUMN events TEXT;
DROP TRIGGER history_unchanged;
-- +goose StatementBegin
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history
    WHEN NEW.detail <> 'erased'
        OR (OLD.booking_id, OLD.version, OLD.attempt, OLD.at, OLD.took_us, OLD.actor, OLD.verb, OLD.from_phase, OLD.from_step,
            OLD.to_phase, OLD.to_step, OLD.outcome, OLD.status, OLD.written_by, OLD.reason, OLD.reference, OLD.calls, OLD.events)
        IS NOT
           (NEW.booking_id, NEW.version, NEW.attempt, NEW.at, NEW.took_us, NEW.actor, NEW.verb, NEW.from_phase, NEW.from_step,
            NEW.to_phase, NEW.to_step, NEW.outcome, NEW.status, NEW.written_by, NEW.reason, NEW.reference, NEW.calls, NEW.events)
BEGIN
    SELECT RAISE(ABORT, 'history is only ever appended to');
END;
-- +goose StatementEnd
CREATE INDEX history_events ON history (at, booking_id, version) WHERE events IS NOT NULL;

-- Lines that a subscriber has not been told of; written with the line, and deleted when the subscriber has it. Nothing else
-- says how far a subscriber is, because lines are not committed in the order of anything that they are numbered by.
CREATE TABLE outbox (
    subscriber TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    booking_id TEXT NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (subscriber, shard, booking_id, version)
) STRICT, WITHOUT ROWID;

-- Who tells a subscriber of the bookings of a shard, until when. Only one does at a time, so that they are told in order.
CREATE TABLE relays (
    subscriber TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    until      INTEGER NOT NULL,
    PRIMARY KEY (subscriber, shard)
) STRICT, WITHOUT ROWID;
