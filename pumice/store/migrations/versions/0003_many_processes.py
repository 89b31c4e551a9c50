"""Several processes on one database: who serves which backend, what all know of the pools, shared keys."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

# A backend may be served by several processes, each of which finds it up or down. What one of them
# reported of its pools is what the schedulers of all others see.
BACKENDS = """
CREATE TABLE backend_servers (
    backend_host TEXT NOT NULL,
    process_id TEXT NOT NULL REFERENCES processes (id) ON DELETE CASCADE,
    up BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (backend_host, process_id)
);

CREATE INDEX backend_servers_process ON backend_servers (process_id);

CREATE TABLE process_locks (
    process_id TEXT PRIMARY KEY,
    server TEXT NOT NULL
);

ALTER TABLE backends DROP COLUMN process_id;
ALTER TABLE backends DROP COLUMN up;
ALTER TABLE backends DROP COLUMN reason;
ALTER TABLE pools ADD COLUMN report TEXT NOT NULL DEFAULT '';
ALTER TABLE processes ADD COLUMN roles TEXT NOT NULL DEFAULT 'api,scheduler,volume';
"""

# An operation waits for those who serve its backend, or for a scheduler if it has none: not for a pool.
OPERATIONS = """
UPDATE operations SET backend_host = substr(backend_host, 1, instr(backend_host, '#') - 1)
WHERE backend_host LIKE '%#%';

CREATE INDEX operations_claimed ON operations (claimed_by) WHERE ended_at IS NULL;
"""

# `generations` counts the changes of what processes keep in memory. `token_keys` are sealed with a key
# that is not in the database. `compatibility` names the oldest schema whose Pumice may go on serving.
SHARED = """
CREATE TABLE generations (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO generations (name, value) VALUES ('identity', 0);

CREATE TABLE token_keys (
    number BIGINT PRIMARY KEY,
    sealed TEXT NOT NULL
);

CREATE TABLE compatibility (
    oldest TEXT NOT NULL
);

INSERT INTO compatibility (oldest) VALUES ('0003');
"""


def upgrade() -> None:
    """From 0002."""
    for statement in (BACKENDS + OPERATIONS + SHARED).split(";\n"):
        if statement.strip():
            op.execute(statement)
