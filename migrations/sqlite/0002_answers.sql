-- The warm tier of the exact cache.
CREATE TABLE answer (
    -- SHA-256 of the canonical request; the project and its cache epoch are in it.
    key        BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    project    TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    hits       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_of_project ON answer (project);
CREATE INDEX answer_by_expiry ON answer (expires_at);

-- Moves with every purge: part of every key, so that nothing from before is found after.
ALTER TABLE project ADD COLUMN cache_epoch INTEGER NOT NULL DEFAULT 0;
