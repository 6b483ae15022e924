-- Times are milliseconds since 1970 in UTC, money is nano-USD, identifiers are ULIDs as text. Text is ordered by its
-- bytes (COLLATE "C"), as the other stores order it. All of it lies in the schema "lockgate".

-- Moves with every change to projects, keys and customers, by any process.
CREATE TABLE directory_version (
    only_row BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    version  BIGINT  NOT NULL
);
INSERT INTO directory_version (version) VALUES (0);

CREATE TABLE project (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    -- Moves with every change to the project, its keys or its customers.
    rev         BIGINT           NOT NULL CHECK (rev > 0),
    created_at  BIGINT           NOT NULL,
    -- Moves with every purge: part of every key of the cache, so that nothing from before is found after.
    cache_epoch BIGINT           NOT NULL DEFAULT 0,
    settings    JSONB            NOT NULL
);

CREATE TABLE gateway_key (
    id                  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project             TEXT COLLATE "C" NOT NULL REFERENCES project (id),
    name                TEXT             NOT NULL,
    hint                TEXT             NOT NULL,
    -- SHA-256 of the key; the key itself is nowhere.
    hash                BYTEA            NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    requests_per_minute BIGINT,
    tokens_per_minute   BIGINT,
    concurrency         BIGINT,
    monthly_cap         BIGINT,
    -- A JSON array; NULL = all.
    models              JSONB,
    customer            TEXT COLLATE "C",
    created_at          BIGINT           NOT NULL,
    expires_at          BIGINT,
    revoked_at          BIGINT,
    rotated_from        TEXT COLLATE "C"
);
CREATE INDEX gateway_key_of_project ON gateway_key (project, created_at, id);

-- Customers with limits of their own.
CREATE TABLE customer (
    project         TEXT COLLATE "C" NOT NULL REFERENCES project (id),
    id              TEXT COLLATE "C" NOT NULL,
    daily_cap       BIGINT,
    monthly_cap     BIGINT,
    per_request_cap BIGINT,
    on_limit        TEXT             NOT NULL,
    updated_at      BIGINT           NOT NULL,
    PRIMARY KEY (project, id)
);

-- Customers whose name is to be left out of rows admitted before `forgotten_at`, also of rows that arrive later.
CREATE TABLE forgotten_customer (
    project      TEXT COLLATE "C" NOT NULL,
    -- 16 bytes of SHA-256 of the name.
    tag          BYTEA            NOT NULL CHECK (octet_length(tag) = 16),
    forgotten_at BIGINT           NOT NULL,
    PRIMARY KEY (project, tag)
);
