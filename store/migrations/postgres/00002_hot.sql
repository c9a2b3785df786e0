-- +goose Up

-- Where it stands; rewritten by each turn. queue is the pool that may claim it, and no pool's while owner has it leased.
-- due_at is when: a retry's time, a deadline, or the end of the lease, after which any process may claim it.
-- shelf is the status, by which support list bookings, of what nobody has leased, and 'open' of what somebody has.
-- A turn under a lease changes no indexed column. So PostgreSQL leaves the indexes alone and puts the new row on the old one's
-- page (HOT), where its log needs only the bytes between the first and the last that differ: hence the order of the columns,
-- and the room that is left on each page.
CREATE TABLE standings (
    id              UUID PRIMARY KEY,
    supplier        TEXT COLLATE "C" NOT NULL,
    attention       TEXT COLLATE "C",
    attention_since BIGINT,
    failure         TEXT COLLATE "C",
    terms           TEXT NOT NULL,
    facts           TEXT NOT NULL,
    money           TEXT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         INTEGER NOT NULL CHECK (version >= 1),
    crashes         INTEGER NOT NULL CHECK (crashes >= 0),
    crashed         SMALLINT NOT NULL CHECK (crashed IN (0, 1)),
    phase           TEXT COLLATE "C" NOT NULL CHECK (phase IN ('doing', 'finding', 'undoing', 'parked', 'ended')),
    step            TEXT COLLATE "C" NOT NULL,
    pool            TEXT COLLATE "C" NOT NULL,
    goal            TEXT COLLATE "C" NOT NULL,
    result          TEXT COLLATE "C" NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    marks           TEXT NOT NULL,
    shelf           TEXT COLLATE "C" NOT NULL,
    owner           TEXT COLLATE "C" NOT NULL,
    queue           TEXT COLLATE "C",
    due_at          BIGINT,
    -- Nothing waits for ever for an event that only it can produce.
    CONSTRAINT places_always_due CHECK (phase IN ('parked', 'ended') OR due_at IS NOT NULL),
    CONSTRAINT places_ended_rest CHECK (phase <> 'ended' OR (due_at IS NULL AND owner = '')),
    CONSTRAINT places_lease_ends CHECK (owner = '' OR due_at IS NOT NULL),
    CONSTRAINT places_queued CHECK ((queue IS NULL) = (owner <> ''))
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, toast_tuple_target = 4080);
INSERT INTO standings (id, supplier, attention, attention_since, failure, terms, facts, money, updated_at, version, crashes,
    crashed, phase, step, pool, goal, result, status, shelf, owner, queue, due_at, marks)
SELECT CAST(id AS UUID), supplier, attention, attention_since, failure,
    facts, facts, -- each reader takes what is its own
    COALESCE(CAST(facts AS json) ->> 'money', '{}'), updated_at, version, crashes, crashed, phase, step, pool, goal, result, status,
    CASE WHEN owner = '' THEN status ELSE 'open' END, owner, CASE WHEN owner = '' THEN pool END, due_at,
    (SELECT COALESCE(string_agg(concat_ws(' ', m ->> 'step', m ->> 'state', COALESCE(m ->> 'attempts', '0'), COALESCE(m ->> 'tries', '0'),
         COALESCE(m ->> 'asked', '0'), CASE m ->> 'doubt' WHEN 'true' THEN '1' ELSE '0' END,
         CASE m ->> 'undo_doubt' WHEN 'true' THEN '1' ELSE '0' END), ';'), '')
     FROM json_array_elements(CAST(facts AS json) -> 'marks') AS m)
FROM places;

-- Every turn and decision; only ever appended, in the transaction of the state that it led to. reference is what the outside
-- calls what the step has made, where there is something.
CREATE TABLE lines (
    booking_id UUID NOT NULL,
    version    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    at         BIGINT NOT NULL,
    took_us    BIGINT NOT NULL,
    actor      TEXT COLLATE "C" NOT NULL,
    verb       TEXT COLLATE "C" NOT NULL,
    from_phase TEXT COLLATE "C" NOT NULL,
    from_step  TEXT COLLATE "C" NOT NULL,
    to_phase   TEXT COLLATE "C" NOT NULL,
    to_step    TEXT COLLATE "C" NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    -- Tells a save that is repeated from another's: the owner whose turn it was, or a decision's random name.
    written_by TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    detail     TEXT NOT NULL,
    reference  TEXT COLLATE "C",
    PRIMARY KEY (booking_id, version)
);
INSERT INTO lines (booking_id, version, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome,
    status, written_by, reason, detail, reference)
SELECT CAST(h.booking_id AS UUID), h.version, h.attempt, h.at, h.took_us, h.actor, h.verb, h.from_phase, h.from_step, h.to_phase, h.to_step,
    h.outcome, h.status, h.written_by, h.reason, h.detail,
    -- On which line it is found is of no matter.
    CASE h.version WHEN 1 THEN p.supplier_reference WHEN 2 THEN p.payment_reference END
FROM history AS h JOIN places AS p ON p.id = h.booking_id;

DROP TABLE places;
DROP TABLE history;
ALTER TABLE standings RENAME TO places;
ALTER TABLE lines RENAME TO history;
ALTER INDEX standings_pkey RENAME TO places_pkey;
ALTER INDEX lines_pkey RENAME TO history_pkey;
-- Checking them costs as much as writing the rows, and a booking's rows are written in one transaction.
ALTER TABLE people DROP CONSTRAINT people_id_fkey;
-- As numbers ids make every index half as large.
ALTER TABLE people ALTER COLUMN id TYPE UUID USING CAST(id AS UUID);
ALTER TABLE bookings ALTER COLUMN id TYPE UUID USING CAST(id AS UUID);

-- Each index is paid for when a row enters it or changes there, so those that can hold only the rows they are for.
CREATE INDEX places_waiting ON places (queue, due_at) WHERE queue IS NOT NULL AND due_at IS NOT NULL;
-- What waits for suppliers, by supplier, so that a claim can pass over all that waits for one.
CREATE INDEX places_lanes ON places (supplier, due_at) WHERE queue = 'provider' AND due_at IS NOT NULL;
CREATE INDEX places_leased ON places (due_at) WHERE queue IS NULL AND due_at IS NOT NULL;
-- What support list. The few that are leased are found in places_leased, so that most bookings enter these once, at their end.
CREATE INDEX places_shelf ON places (shelf, id) WHERE queue IS NOT NULL;
CREATE INDEX places_supplier ON places (supplier, shelf, id) WHERE queue IS NOT NULL;
CREATE INDEX places_parked ON places (id) WHERE phase = 'parked';
CREATE INDEX places_attention ON places (attention, id) WHERE attention IS NOT NULL;
CREATE INDEX places_failure ON places (failure, id) WHERE failure IS NOT NULL;
CREATE INDEX history_reference ON history (reference) WHERE reference IS NOT NULL;
-- Ids begin with the time of creation.
DROP INDEX bookings_created_at;
