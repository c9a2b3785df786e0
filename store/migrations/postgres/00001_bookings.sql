-- +goose Up

-- What was asked and quoted; written once. Times are microseconds since 1970, UTC. No personal data.
CREATE TABLE bookings (
    id               TEXT COLLATE "C" PRIMARY KEY,
    reference        TEXT COLLATE "C" NOT NULL UNIQUE,
    client           TEXT COLLATE "C" NOT NULL,
    client_reference TEXT COLLATE "C",
    idempotency_key  TEXT COLLATE "C" NOT NULL,
    fingerprint      BYTEA NOT NULL,
    flow_version     BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    offer            TEXT NOT NULL,
    stay             TEXT NOT NULL,
    payment_token    TEXT NOT NULL,
    attribution      TEXT NOT NULL,
    -- In this order, so that support finds a key without knowing whose it is.
    UNIQUE (idempotency_key, client)
);
CREATE INDEX bookings_client_reference ON bookings (client_reference, client, id) WHERE client_reference IS NOT NULL;
CREATE INDEX bookings_created_at ON bookings (created_at);

-- Where it stands; rewritten by each turn. due_at is when any process may claim it: a retry's time, a deadline, or, while
-- owner is set, the end of the lease.
CREATE TABLE places (
    id                 TEXT COLLATE "C" PRIMARY KEY REFERENCES bookings (id),
    phase              TEXT COLLATE "C" NOT NULL CHECK (phase IN ('doing', 'finding', 'undoing', 'parked', 'ended')),
    step               TEXT COLLATE "C" NOT NULL,
    pool               TEXT COLLATE "C" NOT NULL,
    supplier           TEXT COLLATE "C" NOT NULL,
    goal               TEXT COLLATE "C" NOT NULL,
    result             TEXT COLLATE "C" NOT NULL,
    status             TEXT COLLATE "C" NOT NULL,
    version            BIGINT NOT NULL CHECK (version >= 1),
    owner              TEXT COLLATE "C" NOT NULL,
    due_at             BIGINT,
    crashes            BIGINT NOT NULL CHECK (crashes >= 0),
    crashed            BIGINT NOT NULL CHECK (crashed IN (0, 1)),
    attention          TEXT COLLATE "C",
    attention_since    BIGINT,
    failure            TEXT COLLATE "C",
    supplier_reference TEXT COLLATE "C",
    payment_reference  TEXT COLLATE "C",
    updated_at         BIGINT NOT NULL,
    facts              TEXT NOT NULL,
    -- Nothing waits for ever for an event that only it can produce.
    CONSTRAINT places_always_due CHECK (phase IN ('parked', 'ended') OR due_at IS NOT NULL),
    CONSTRAINT places_ended_rest CHECK (phase <> 'ended' OR (due_at IS NULL AND owner = '')),
    CONSTRAINT places_lease_ends CHECK (owner = '' OR due_at IS NOT NULL)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05,
        autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
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
    id          TEXT COLLATE "C" PRIMARY KEY REFERENCES bookings (id),
    email_index BYTEA,
    key_id      TEXT COLLATE "C" NOT NULL,
    data_key    BYTEA,
    sealed      BYTEA NOT NULL
);
CREATE INDEX people_email ON people (email_index) WHERE email_index IS NOT NULL;

-- Every turn and decision; only ever appended, in the transaction of the state that it led to. No foreign key: its check
-- would write to the bookings row at each turn.
CREATE TABLE history (
    booking_id TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT COLLATE "C" NOT NULL,
    verb       TEXT COLLATE "C" NOT NULL,
    from_phase TEXT COLLATE "C" NOT NULL,
    from_step  TEXT COLLATE "C" NOT NULL,
    to_phase   TEXT COLLATE "C" NOT NULL,
    to_step    TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    detail     TEXT NOT NULL,
    took_us    BIGINT NOT NULL,
    status     TEXT COLLATE "C" NOT NULL,
    -- Tells a save that is repeated from another's: the owner whose turn it was, or a decision's random name.
    written_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (booking_id, version)
);

-- Vendors' notifications: reasons to ask, to be applied once.
CREATE TABLE notices (
    vendor      TEXT COLLATE "C" NOT NULL,
    event_id    TEXT COLLATE "C" NOT NULL,
    reference   TEXT COLLATE "C" NOT NULL,
    verb        TEXT COLLATE "C" NOT NULL,
    kind        TEXT NOT NULL,
    at          BIGINT,
    received_at BIGINT NOT NULL,
    due_at      BIGINT,
    tries       BIGINT NOT NULL,
    applied_at  BIGINT,
    PRIMARY KEY (vendor, event_id)
);
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
