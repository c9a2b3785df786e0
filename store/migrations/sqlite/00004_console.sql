-- +goose Up

-- Who has signed in to the console: digest is of the token that the browser holds. Times are microseconds since 1970, UTC.
CREATE TABLE sessions (
    digest   BLOB PRIMARY KEY,
    name     TEXT NOT NULL,
    role     TEXT NOT NULL,
    -- Of the key that was signed in with; empty: an identity provider vouched for them.
    key_hash TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_end ON sessions (ends_at);

-- What operators have paused. Each change is a line of history of the booking that is none, the nil UUID, with its row in
-- the audit: reason is what was paused, and detail why.
CREATE TABLE pauses (
    what   TEXT PRIMARY KEY,
    since  INTEGER NOT NULL,
    actor  TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- Where the guest's bank sends the guest back to.
ALTER TABLE bookings ADD COLUMN return_url TEXT;

-- The calls of a turn to outside systems: see calls.go.
ALTER TABLE history ADD COLUMN calls TEXT;
DROP TRIGGER history_unchanged;
-- +goose StatementBegin
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history
    WHEN NEW.detail <> 'erased'
        OR (OLD.booking_id, OLD.version, OLD.attempt, OLD.at, OLD.took_us, OLD.actor, OLD.verb, OLD.from_phase, OLD.from_step,
            OLD.to_phase, OLD.to_step, OLD.outcome, OLD.status, OLD.written_by, OLD.reason, OLD.reference, OLD.calls)
        IS NOT
           (NEW.booking_id, NEW.version, NEW.attempt, NEW.at, NEW.took_us, NEW.actor, NEW.verb, NEW.from_phase, NEW.from_step,
            NEW.to_phase, NEW.to_step, NEW.outcome, NEW.status, NEW.written_by, NEW.reason, NEW.reference, NEW.calls)
BEGIN
    SELECT RAISE(ABORT, 'history is only ever appended to');
END;
-- +goose StatementEnd

-- With the id, so that the newest of a guest with many bookings are found without reading all of them.
CREATE INDEX people_guest ON people (email_index, id) WHERE email_index IS NOT NULL;
DROP INDEX people_email;
