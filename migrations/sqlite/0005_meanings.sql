-- The semantic cache: questions that were answered.
CREATE TABLE meaning (
    -- Moves up with every question that is kept, a repeated one too: who has read up to here sees what is new.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of the group and the question.
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 32),
    project    TEXT    NOT NULL,
    -- SHA-256 of all of the request but its last message; the project and its cache epoch are in it.
    grp        BLOB    NOT NULL CHECK (length(grp) = 32),
    customer   TEXT,
    question   TEXT    NOT NULL,
    -- 32-bit floats, little endian.
    vector     BLOB    NOT NULL,
    body       BLOB    NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX meaning_of_group ON meaning (grp, seq);
CREATE INDEX meaning_of_project ON meaning (project, customer);
CREATE INDEX meaning_by_expiry ON meaning (expires_at);
CREATE INDEX meaning_by_age ON meaning (created_at, size);
