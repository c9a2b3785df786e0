-- +goose Up

-- Where it stands; rewritten by each turn. queue is the pool that may claim it, and no pool's while owner has it leased.
-- due_at is when: a retry's time, a deadline, or the end of the lease, after which any process may claim it.
-- shelf is the status, by which support list bookings, of what nobody has leased, and 'open' of what somebody has.
-- A turn under a lease changes no indexed column.
CREATE TABLE standings (
    id              TEXT PRIMARY KEY,
    supplier        TEXT NOT NULL,
    attention       TEXT,
    attention_since INTEGER,
    failure         TEXT,
    terms           TEXT NOT NULL,
    facts           TEXT NOT NULL,
    money           TEXT NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL CHECK (version >= 1),
    crashes         INTEGER NOT NULL CHECK (crashes >= 0),
    crashed         INTEGER NOT NULL CHECK (crashed IN (0, 1)),
    phase           TEXT NOT NULL CHECK (phase IN ('doing', 'finding', 'undoing', 'parked', 'ended')),
    step            TEXT NOT NULL,
    pool            TEXT NOT NULL,
    goal            TEXT NOT NULL,
    result          TEXT NOT NULL,
    status          TEXT NOT NULL,
    marks           TEXT NOT NULL,
    shelf           TEXT NOT NULL,
    owner           TEXT NOT NULL,
    queue           TEXT,
    due_at          INTEGER,
    -- Nothing waits for ever for an event that only it can produce.
    CONSTRAINT places_always_due CHECK (phase IN ('parked', 'ended') OR due_at IS NOT NULL),
    CONSTRAINT places_ended_rest CHECK (phase <> 'ended' OR (due_at IS NULL AND owner = '')),
    CONSTRAINT places_lease_ends CHECK (owner = '' OR due_at IS NOT NULL),
    CONSTRAINT places_queued CHECK ((queue IS NULL) = (owner <> ''))
) STRICT;
INSERT INTO standings (id, supplier, attention, attention_since, failure, terms, facts, money, updated_at, version, crashes,
    crashed, phase, step, pool, goal, result, status, shelf, owner, queue, due_at, marks)
SELECT id, supplier, attention, attention_since, failure,
    facts, facts, -- each reader takes what is its own
    COALESCE(facts -> 'money', '{}'), updated_at, version, crashes, crashed, phase, step, pool, goal, result, status,
    CASE WHEN owner = '' THEN status ELSE 'open' END, owner, CASE WHEN owner = '' THEN pool END, due_at,
    (SELECT COALESCE(group_concat((m.value ->> 'step') || ' ' || (m.value ->> 'state') || ' ' || COALESCE(m.value ->> 'attempts', 0) || ' ' ||
         COALESCE(m.value ->> 'tries', 0) || ' ' || COALESCE(m.value ->> 'asked', 0) || ' ' || COALESCE(m.value ->> 'doubt', 0) || ' ' ||
         COALESCE(m.value ->> 'undo_doubt', 0), ';'), '')
     FROM json_each(facts, '$.marks') AS m)
FROM places;

-- Every turn and decision; only ever appended, in the transaction of the state that it led to. reference is what the outside
-- calls what the step has made, where there is something.
CREATE TABLE lines (
    booking_id TEXT NOT NULL,
    version    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    took_us    INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    verb       TEXT NOT NULL,
    from_phase TEXT NOT NULL,
    from_step  TEXT NOT NULL,
    to_phase   TEXT NOT NULL,
    to_step    TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    status     TEXT NOT NULL,
    -- Tells a save that is repeated from another's: the owner whose turn it was, or a decision's random name.
    written_by TEXT NOT NULL,
    reason     TEXT NOT NULL,
    detail     TEXT NOT NULL,
    reference  TEXT,
    PRIMARY KEY (booking_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO lines (booking_id, version, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome,
    status, written_by, reason, detail, reference)
SELECT h.booking_id, h.version, h.attempt, h.at, h.took_us, h.actor, h.verb, h.from_phase, h.from_step, h.to_phase, h.to_step,
    h.outcome, h.status, h.written_by, h.reason, h.detail,
    -- On which line it is found is of no matter.
    CASE h.version WHEN 1 THEN p.supplier_reference WHEN 2 THEN p.payment_reference END
FROM history AS h JOIN places AS p ON p.id = h.booking_id;

DROP TABLE places;
DROP TABLE history;
ALTER TABLE standings RENAME TO places;
ALTER TABLE lines RENAME TO history;

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
