-- +goose Up

-- Each action of our own people, in the transaction of its line of history, and in one chain: digest is a MAC over all other
-- columns and over the digest of the row before, under a key that the database does not know. No personal data: of what
-- people wrote there is only a digest.
CREATE TABLE audit (
    seq         INTEGER PRIMARY KEY,
    booking_id  TEXT NOT NULL,
    version     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    role        TEXT NOT NULL,
    action      TEXT NOT NULL,
    asked       TEXT NOT NULL,
    from_phase  TEXT NOT NULL,
    from_step   TEXT NOT NULL,
    from_status TEXT NOT NULL,
    to_phase    TEXT NOT NULL,
    to_step     TEXT NOT NULL,
    to_status   TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    -- MACs of the line of history: of its detail, which erasure replaces, and of all the rest.
    text_digest BLOB NOT NULL,
    line_digest BLOB NOT NULL,
    key_id      TEXT NOT NULL,
    previous    BLOB NOT NULL,
    digest      BLOB NOT NULL,
    UNIQUE (booking_id, version)
) STRICT;

-- The end of the chain, one row, which whoever appends locks; and its beginning: lines of before have no rows.
CREATE TABLE audit_head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    seq      INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    began_at INTEGER NOT NULL,
    earlier  INTEGER NOT NULL
) STRICT;

-- Whoever may change the schema can drop these; the chain is for them.
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit is only ever appended to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit is only ever appended to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER history_kept BEFORE DELETE ON history BEGIN
    SELECT RAISE(ABORT, 'history is only ever appended to');
END;
-- +goose StatementEnd
-- But for erasure, which replaces what people wrote.
-- +goose StatementBegin
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history
    WHEN NEW.detail <> 'erased'
        OR (OLD.booking_id, OLD.version, OLD.attempt, OLD.at, OLD.took_us, OLD.actor, OLD.verb, OLD.from_phase, OLD.from_step,
            OLD.to_phase, OLD.to_step, OLD.outcome, OLD.status, OLD.written_by, OLD.reason, OLD.reference)
        IS NOT
           (NEW.booking_id, NEW.version, NEW.attempt, NEW.at, NEW.took_us, NEW.actor, NEW.verb, NEW.from_phase, NEW.from_step,
            NEW.to_phase, NEW.to_step, NEW.outcome, NEW.status, NEW.written_by, NEW.reason, NEW.reference)
BEGIN
    SELECT RAISE(ABORT, 'history is only ever appended to');
END;
-- +goose StatementEnd

INSERT INTO audit_head (id, seq, digest, began_at, earlier)
SELECT 1, 0, x'', CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    (SELECT COUNT(*) FROM history WHERE substr(actor, 1, 8) = 'support:' OR substr(actor, 1, 9) = 'operator:');
