-- +goose Up

-- What other systems are told of a line, as JSON: see events.go. NULL: nothing, or nobody wanted to know.
ALTER TABLE history ADD COLUMN events TEXT;
DROP TRIGGER history_unchanged ON history;
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history FOR EACH ROW
    WHEN (NEW.detail <> 'erased'
        OR (OLD.booking_id, OLD.version, OLD.attempt, OLD.at, OLD.took_us, OLD.actor, OLD.verb, OLD.from_phase, OLD.from_step,
            OLD.to_phase, OLD.to_step, OLD.outcome, OLD.status, OLD.written_by, OLD.reason, OLD.reference, OLD.calls, OLD.events)
        IS DISTINCT FROM
           (NEW.booking_id, NEW.version, NEW.attempt, NEW.at, NEW.took_us, NEW.actor, NEW.verb, NEW.from_phase, NEW.from_step,
            NEW.to_phase, NEW.to_step, NEW.outcome, NEW.status, NEW.written_by, NEW.reason, NEW.reference, NEW.calls, NEW.events))
    EXECUTE FUNCTION refuse_change();
CREATE INDEX history_events ON history (at, booking_id, version) WHERE events IS NOT NULL;

-- Lines that a subscriber has not been told of; written with the line, and deleted when the subscriber has it. Nothing else
-- says how far a subscriber is, because lines are not committed in the order of anything that they are numbered by.
CREATE TABLE outbox (
    subscriber TEXT COLLATE "C" NOT NULL,
    shard      SMALLINT NOT NULL,
    booking_id UUID NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (subscriber, shard, booking_id, version)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02,
        autovacuum_vacuum_cost_delay = 0);

-- Who tells a subscriber of the bookings of a shard, until when. Only one does at a time, so that they are told in order.
CREATE TABLE relays (
    subscriber TEXT COLLATE "C" NOT NULL,
    shard      SMALLINT NOT NULL,
    owner      TEXT COLLATE "C" NOT NULL,
    until      BIGINT NOT NULL,
    PRIMARY KEY (subscriber, shard)
) WITH (fillfactor = 40);
