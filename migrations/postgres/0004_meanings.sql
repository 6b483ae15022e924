-- The semantic cache: questions that were answered. Their vectors are a column of pgvector's type, which is added where
-- the extension is there: see store/postgres/meanings.rs.
CREATE TABLE meaning (
    -- SHA-256 of the group and the question.
    id         BYTEA            NOT NULL PRIMARY KEY CHECK (octet_length(id) = 32),
    project    TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of all of the request but its last message; the project and its cache epoch are in it.
    grp        BYTEA            NOT NULL CHECK (octet_length(grp) = 32),
    customer   TEXT COLLATE "C",
    question   TEXT             NOT NULL,
    dimensions INTEGER          NOT NULL,
    body       BYTEA            NOT NULL,
    size       BIGINT           NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX meaning_of_group ON meaning (grp);
CREATE INDEX meaning_of_project ON meaning (project, customer);
CREATE INDEX meaning_by_expiry ON meaning (expires_at);
CREATE INDEX meaning_by_age ON meaning (created_at, size);
