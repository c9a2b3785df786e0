-- +goose Up

-- Each action of our own people, in the transaction of its line of history, and in one chain: digest is a MAC over all other
-- columns and over the digest of the row before, under a key that the database does not know. No personal data: of what
-- people wrote there is only a digest.
CREATE TABLE audit (
    seq         BIGINT PRIMARY KEY,
    booking_id  UUID NOT NULL,
    version     INTEGER NOT NULL,
    at          BIGINT NOT NULL,
    actor       TEXT COLLATE "C" NOT NULL,
    role        TEXT COLLATE "C" NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    asked       TEXT NOT NULL,
    from_phase  TEXT COLLATE "C" NOT NULL,
    from_step   TEXT COLLATE "C" NOT NULL,
    from_status TEXT COLLATE "C" NOT NULL,
    to_phase    TEXT COLLATE "C" NOT NULL,
    to_step     TEXT COLLATE "C" NOT NULL,
    to_status   TEXT COLLATE "C" NOT NULL,
    request_id  TEXT COLLATE "C" NOT NULL,
    -- MACs of the line of history: of its detail, which erasure replaces, and of all the rest.
    text_digest BYTEA NOT NULL,
    line_digest BYTEA NOT NULL,
    key_id      TEXT COLLATE "C" NOT NULL,
    previous    BYTEA NOT NULL,
    digest      BYTEA NOT NULL,
    UNIQUE (booking_id, version)
);

-- The end of the chain, one row, which whoever appends locks; and its beginning: lines of before have no rows.
CREATE TABLE audit_head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    seq      BIGINT NOT NULL,
    digest   BYTEA NOT NULL,
    began_at BIGINT NOT NULL,
    earlier  BIGINT NOT NULL
);

-- Whoever may change the schema can drop these; the chain is for them.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER history_kept BEFORE DELETE ON history FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER history_not_emptied BEFORE TRUNCATE ON history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- But for erasure, which replaces what people wrote.
CREATE TRIGGER history_unchanged BEFORE UPDATE ON history FOR EACH ROW
    WHEN (NEW.detail <> 'erased'
        OR (OLD.booking_id, OLD.version, OLD.attempt, OLD.at, OLD.took_us, OLD.actor, OLD.verb, OLD.from_phase, OLD.from_step,
            OLD.to_phase, OLD.to_step, OLD.outcome, OLD.status, OLD.written_by, OLD.reason, OLD.reference)
        IS DISTINCT FROM
           (NEW.booking_id, NEW.version, NEW.attempt, NEW.at, NEW.took_us, NEW.actor, NEW.verb, NEW.from_phase, NEW.from_step,
            NEW.to_phase, NEW.to_step, NEW.outcome, NEW.status, NEW.written_by, NEW.reason, NEW.reference))
    EXECUTE FUNCTION refuse_change();

-- After the triggers, whose making waits for whoever is writing to the history.
INSERT INTO audit_head (id, seq, digest, began_at, earlier)
SELECT 1, 0, '', CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT),
    (SELECT COUNT(*) FROM history WHERE substr(actor, 1, 8) = 'support:' OR substr(actor, 1, 9) = 'operator:');
