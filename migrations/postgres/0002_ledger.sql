-- One row for each admission. It is one table and not one a month: rows come in at the end and go from the beginning,
-- so that inserts and retention touch the edges of its indexes only, however many months lie between. What is asked
-- for over months comes from `daily_usage`.
CREATE TABLE ledger (
    admitted_at            BIGINT           NOT NULL,
    ended_at               BIGINT           NOT NULL,
    input_tokens           BIGINT           NOT NULL,
    cached_input_tokens    BIGINT           NOT NULL,
    cache_write_tokens     BIGINT           NOT NULL,
    cache_write_1h_tokens  BIGINT           NOT NULL,
    output_tokens          BIGINT           NOT NULL,
    reasoning_tokens       BIGINT           NOT NULL,
    audio_input_tokens     BIGINT           NOT NULL,
    audio_output_tokens    BIGINT           NOT NULL,
    -- NULL = the price is unknown.
    cost                   BIGINT,
    reserved               BIGINT           NOT NULL,
    saved                  BIGINT           NOT NULL,
    latency_us             BIGINT           NOT NULL,
    first_byte_us          BIGINT,
    similarity             REAL,
    status                 INTEGER          NOT NULL,
    stream                 BOOLEAN          NOT NULL,
    estimated              BOOLEAN          NOT NULL,
    id                     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project                TEXT COLLATE "C" NOT NULL,
    gateway_key            TEXT COLLATE "C",
    customer               TEXT COLLATE "C",
    customer_tag           BYTEA            CHECK (octet_length(customer_tag) = 16),
    request_id             TEXT             NOT NULL,
    client_request_id      TEXT,
    endpoint               TEXT             NOT NULL,
    requested_model        TEXT             NOT NULL,
    served_model           TEXT COLLATE "C",
    provider               TEXT COLLATE "C",
    cache                  TEXT             NOT NULL,
    outcome                TEXT             NOT NULL,
    downgraded_from        TEXT,
    labels                 JSONB            NOT NULL DEFAULT '{}',
    attempts               JSONB            NOT NULL DEFAULT '[]',
    -- Why a request got the answer it got.
    decisions              JSONB
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
-- Listing, newest first; sums over part of a day.
CREATE INDEX ledger_of_project ON ledger (project, admitted_at, id);
-- Retention, and both of these over all projects.
CREATE INDEX ledger_by_time ON ledger (admitted_at, id);
-- Forgetting a customer, portion by portion.
CREATE INDEX ledger_of_customer ON ledger (customer, project, id) WHERE customer IS NOT NULL;

-- Booked spend on each counter: what a limiter is seeded with. Rows are changed over and over, so pages keep room.
CREATE TABLE spend (
    project     TEXT COLLATE "C" NOT NULL,
    -- yyyymm or yyyymmdd.
    window_code INTEGER          NOT NULL,
    scope       TEXT COLLATE "C" NOT NULL CHECK (scope IN ('project', 'key', 'customer')),
    -- '' for the project, the key's id, or the customer's tag.
    subject     TEXT COLLATE "C" NOT NULL,
    amount      BIGINT           NOT NULL,
    PRIMARY KEY (project, window_code, scope, subject)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
-- Retention: counters of days go, those of months stay.
CREATE INDEX spend_of_days ON spend (window_code) WHERE window_code >= 10000000;

-- Usage by day; outlives the rows it sums. Empty text = none.
CREATE TABLE daily_usage (
    project       TEXT COLLATE "C" NOT NULL,
    day           INTEGER          NOT NULL,
    gateway_key   TEXT COLLATE "C" NOT NULL,
    customer      TEXT COLLATE "C" NOT NULL,
    provider      TEXT COLLATE "C" NOT NULL,
    model         TEXT COLLATE "C" NOT NULL,
    requests      BIGINT           NOT NULL,
    cache_hits    BIGINT           NOT NULL,
    input_tokens  BIGINT           NOT NULL,
    output_tokens BIGINT           NOT NULL,
    cost          BIGINT           NOT NULL,
    saved         BIGINT           NOT NULL,
    unpriced      BIGINT           NOT NULL,
    PRIMARY KEY (project, day, gateway_key, customer, provider, model)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX daily_usage_by_day ON daily_usage (day);
CREATE INDEX daily_usage_of_customer ON daily_usage (customer, project, day) WHERE customer <> '';
