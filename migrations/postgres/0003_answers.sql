-- The warm tier of the exact cache.
CREATE TABLE answer (
    -- SHA-256 of the canonical request; the project and its cache epoch are in it.
    key        BYTEA            NOT NULL PRIMARY KEY CHECK (octet_length(key) = 32),
    project    TEXT COLLATE "C" NOT NULL,
    body       BYTEA            NOT NULL,
    -- Bytes of the body, so that summing them up reads no bodies.
    size       BIGINT           NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    hits       BIGINT           NOT NULL DEFAULT 0
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
-- A purge, portion by portion.
CREATE INDEX answer_of_project ON answer (project, key);
CREATE INDEX answer_by_expiry ON answer (expires_at);
-- The oldest go first once all together are too large.
CREATE INDEX answer_by_age ON answer (created_at, size);
