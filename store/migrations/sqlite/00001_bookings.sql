-- +goose Up

-- What was asked and quoted; written once. Times are microseconds since 1970, UTC. No personal data.
CREATE TABLE bookings (
    id               TEXT PRIMARY KEY,
    reference        TEXT NOT NULL UNIQUE,
    client           TEXT NOT NULL,
    client_reference TEXT,
    idempotency_key  TEXT NOT NULL,
    fingerprint      BLOB NOT NULL,
    flow_version     INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    offer            TEXT NOT NULL,
    stay             TEXT NOT NULL,
    payment_token    TEXT NOT NULL,
    attribution      TEXT NOT NULL,
    -- In this order, so that support finds a key without knowing whose it is.
    UNIQUE (idempotency_key, client)
) STRICT;
CREATE INDEX bookings_client_reference ON bookings (client_reference, client, id) WHERE client_reference IS NOT NULL;
CREATE INDEX bookings_created_at ON bookings (created_at);

-- Where it stands; rewritten by each turn. due_at is when any process may claim it: a retry's time, a deadline, or, while
-- owner is set, the end of the lease.
CREATE TABLE places (
    id                 TEXT PRIMARY KEY REFERENCES bookings (id),
    phase              TEXT NOT NULL CHECK (phase IN ('doing', 'finding', 'undoing', 'parked', 'ended')),
    step               TEXT NOT NULL,
    pool               TEXT NOT NULL,
    supplier           TEXT NOT NULL,
    goal               TEXT NOT NULL,
    result             TEXT NOT NULL,
    status             TEXT NOT NULL,
    version            INTEGER NOT NULL CHECK (version >= 1),
    owner              TEXT NOT NULL,
    due_at             INTEGER,
    crashes            INTEGER NOT NULL CHECK (crashes >= 0),
    crashed            INTEGER NOT NULL CHECK (crashed IN (0, 1)),
    attention          TEXT,
    attention_since    INTEGER,
    failure            TEXT,
    supplier_reference TEXT,
    payment_reference  TEXT,
    updated_at         INTEGER NOT NULL,
    facts              TEXT NOT NULL,
    -- Nothing waits for ever for an event that only it can produce.
    CONSTRAINT places_always_due CHECK (phase IN ('parked', 'ended') OR due_at IS NOT NULL),
    CONSTRAINT places_ended_rest CHECK (phase <> 'ended' OR (due_at IS NULL AND owner = '')),
    CONSTRAINT places_lease_ends CHECK (owner = '' OR due_at IS NOT NULL)
) STRICT;
-- Each index is paid for at every turn, so those that can hold only the rows they are for.
CREATE INDEX places_due ON places (pool, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX places_status ON places (status, id);
CREATE INDEX places_parked ON places (id) WHERE phase = 'parked';
CREATE INDEX places_attention ON places (attention, id) WHERE attention IS NOT NULL;
CREATE INDEX places_failure ON places (failure, id) WHERE failure IS NOT NULL;
CREATE INDEX places_supplier_reference ON places (supplier_reference) WHERE supplier_reference IS NOT NULL;
CREATE INDEX places_payment_reference ON places (payment_reference) WHERE payment_reference IS NOT NULL;

-- Personal data, sealed under a key of its own. Without data_key nobody can read it: that is erasure.
CREATE TABLE people (
    id          TEXT PRIMARY KEY REFERENCES bookings (id),
    email_index BLOB,
    key_id      TEXT NOT NULL,
    data_key    BLOB,
    sealed      BLOB NOT NULL
) STRICT;
CREATE INDEX people_email ON people (email_index) WHERE email_index IS NOT NULL;

-- Every turn and decision; only ever appended, in the transaction of the state that it led to.
CREATE TABLE history (
    booking_id TEXT NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    verb       TEXT NOT NULL,
    from_phase TEXT NOT NULL,
    from_step  TEXT NOT NULL,
    to_phase   TEXT NOT NULL,
    to_step    TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    detail     TEXT NOT NULL,
    took_us    INTEGER NOT NULL,
    status     TEXT NOT NULL,
    -- Tells a save that is repeated from another's: the owner whose turn it was, or a decision's random name.
    written_by TEXT NOT NULL,
    PRIMARY KEY (booking_id, version)
) STRICT, WITHOUT ROWID;

-- Vendors' notifications: reasons to ask, to be applied once.
CREATE TABLE notices (
    vendor      TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    reference   TEXT NOT NULL,
    verb        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    at          INTEGER,
    received_at INTEGER NOT NULL,
    due_at      INTEGER,
    tries       INTEGER NOT NULL,
    applied_at  INTEGER,
    PRIMARY KEY (vendor, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
