-- Times are milliseconds since 1970 in UTC, money is nano-USD, identifiers are ULIDs as text.

-- Moves with every change to projects, keys and customers, by any process.
CREATE TABLE directory_version (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    version  INTEGER NOT NULL
) STRICT;
INSERT INTO directory_version (only_row, version) VALUES (1, 0);

CREATE TABLE project (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    -- Moves with every change to the project, its keys or its customers.
    rev        INTEGER NOT NULL CHECK (rev > 0),
    created_at INTEGER NOT NULL,
    settings   TEXT    NOT NULL CHECK (json_valid(settings))
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway_key (
    id                  TEXT    NOT NULL PRIMARY KEY,
    project             TEXT    NOT NULL REFERENCES project (id),
    name                TEXT    NOT NULL,
    hint                TEXT    NOT NULL,
    -- SHA-256 of the key; the key itself is nowhere.
    hash                BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    requests_per_minute INTEGER,
    tokens_per_minute   INTEGER,
    concurrency         INTEGER,
    monthly_cap         INTEGER,
    -- A JSON array; NULL = all.
    models              TEXT    CHECK (models IS NULL OR json_valid(models)),
    customer            TEXT,
    created_at          INTEGER NOT NULL,
    expires_at          INTEGER,
    revoked_at          INTEGER,
    rotated_from        TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_key_of_project ON gateway_key (project, id);

-- Customers with limits of their own.
CREATE TABLE customer (
    project         TEXT    NOT NULL REFERENCES project (id),
    id              TEXT    NOT NULL,
    daily_cap       INTEGER,
    monthly_cap     INTEGER,
    per_request_cap INTEGER,
    on_limit        TEXT    NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

-- Customers whose name is to be left out of rows admitted before `forgotten_at`, also of rows that arrive later.
CREATE TABLE forgotten_customer (
    project      TEXT    NOT NULL,
    -- 16 bytes of SHA-256 of the name.
    tag          BLOB    NOT NULL CHECK (length(tag) = 16),
    forgotten_at INTEGER NOT NULL,
    PRIMARY KEY (project, tag)
) STRICT, WITHOUT ROWID;

-- One row for each admission.
CREATE TABLE ledger (
    id                     TEXT    NOT NULL PRIMARY KEY,
    request_id             TEXT    NOT NULL,
    client_request_id      TEXT,
    project                TEXT    NOT NULL,
    gateway_key            TEXT,
    customer               TEXT,
    customer_tag           BLOB    CHECK (customer_tag IS NULL OR length(customer_tag) = 16),
    labels                 TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(labels)),
    endpoint               TEXT    NOT NULL,
    requested_model        TEXT    NOT NULL,
    served_model           TEXT,
    provider               TEXT,
    attempts               TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(attempts)),
    input_tokens           INTEGER NOT NULL,
    cached_input_tokens    INTEGER NOT NULL,
    cache_write_tokens     INTEGER NOT NULL,
    cache_write_1h_tokens  INTEGER NOT NULL,
    output_tokens          INTEGER NOT NULL,
    reasoning_tokens       INTEGER NOT NULL,
    audio_input_tokens     INTEGER NOT NULL,
    audio_output_tokens    INTEGER NOT NULL,
    -- NULL = the price is unknown.
    cost                   INTEGER,
    reserved               INTEGER NOT NULL,
    saved                  INTEGER NOT NULL,
    latency_us             INTEGER NOT NULL,
    first_byte_us          INTEGER,
    cache                  TEXT    NOT NULL,
    similarity             REAL,
    outcome                TEXT    NOT NULL,
    status                 INTEGER NOT NULL,
    stream                 INTEGER NOT NULL,
    estimated              INTEGER NOT NULL,
    downgraded_from        TEXT,
    admitted_at            INTEGER NOT NULL,
    ended_at               INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Listing, newest first; sums over part of a day.
CREATE INDEX ledger_of_project ON ledger (project, admitted_at, id);
-- Retention, and listing over all projects.
CREATE INDEX ledger_by_time ON ledger (admitted_at, id);
CREATE INDEX ledger_of_customer ON ledger (project, customer) WHERE customer IS NOT NULL;

-- Booked spend on each counter: what a limiter is seeded with.
CREATE TABLE spend (
    project      TEXT    NOT NULL,
    -- yyyymm or yyyymmdd.
    window_code  INTEGER NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('project', 'key', 'customer')),
    -- '' for the project, the key's id, or the customer's tag.
    subject      TEXT    NOT NULL,
    amount       INTEGER NOT NULL,
    PRIMARY KEY (project, window_code, scope, subject)
) STRICT, WITHOUT ROWID;

-- Usage by day; outlives the rows it sums. Empty text = none.
CREATE TABLE daily_usage (
    project       TEXT    NOT NULL,
    day           INTEGER NOT NULL,
    gateway_key   TEXT    NOT NULL,
    customer      TEXT    NOT NULL,
    provider      TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    requests      INTEGER NOT NULL,
    cache_hits    INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost          INTEGER NOT NULL,
    saved         INTEGER NOT NULL,
    unpriced      INTEGER NOT NULL,
    PRIMARY KEY (project, day, gateway_key, customer, provider, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX daily_usage_of_customer ON daily_usage (project, customer) WHERE customer <> '';
