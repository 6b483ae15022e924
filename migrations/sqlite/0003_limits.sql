-- Limits of the gateways that share this file. Empty while one gateway keeps them in its memory.

CREATE TABLE limit_project (
    project TEXT    NOT NULL PRIMARY KEY,
    -- The newest revision of the project's configuration that a gateway has shown.
    rev     INTEGER NOT NULL,
    -- The day (yyyymmdd) up to which counters of past windows were cleared away.
    pruned  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rates and slots of a key. Buckets: parts in use (60000 are one request or token), when that was true, the rate.
CREATE TABLE limit_key (
    project       TEXT    NOT NULL,
    gateway_key   TEXT    NOT NULL,
    requests_used INTEGER NOT NULL,
    requests_at   INTEGER NOT NULL,
    requests_rate INTEGER NOT NULL,
    tokens_used   INTEGER NOT NULL,
    tokens_at     INTEGER NOT NULL,
    tokens_rate   INTEGER NOT NULL,
    slots         INTEGER NOT NULL,
    PRIMARY KEY (project, gateway_key)
) STRICT, WITHOUT ROWID;

-- Spend counters. One that is not here begins at what the table `spend` has booked.
CREATE TABLE limit_counter (
    project     TEXT    NOT NULL,
    window_code INTEGER NOT NULL,
    scope       TEXT    NOT NULL CHECK (scope IN ('project', 'key', 'customer')),
    subject     TEXT    NOT NULL,
    settled     INTEGER NOT NULL,
    reserved    INTEGER NOT NULL,
    -- Reservations that will still change it.
    pins        INTEGER NOT NULL CHECK (pins >= 0),
    PRIMARY KEY (project, window_code, scope, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation (
    id                TEXT    NOT NULL PRIMARY KEY,
    project           TEXT    NOT NULL,
    gateway_key       TEXT    NOT NULL,
    customer_tag      BLOB    CHECK (customer_tag IS NULL OR length(customer_tag) = 16),
    admitted_at       INTEGER NOT NULL,
    money             INTEGER NOT NULL,
    tokens            INTEGER NOT NULL,
    tokens_per_minute INTEGER,
    lease_until       INTEGER NOT NULL,
    lease_ms          INTEGER NOT NULL,
    plan              INTEGER NOT NULL,
    phase             TEXT    NOT NULL CHECK (phase IN ('open', 'lapsed', 'acknowledged'))
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_by_lease ON reservation (project, phase, lease_until, id);
