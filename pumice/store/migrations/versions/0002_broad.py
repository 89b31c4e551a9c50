"""Groups, inherited roles, what may be set on every resource, access to types, quotas, kept answers."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# What clients may set beside the known fields stands in `extra`, as JSON; `options` as Keystone has them.
IDENTITY = """
ALTER TABLE domains ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE domains ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE domains ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
CREATE INDEX projects_parent ON projects (parent_id);
ALTER TABLE users ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN tokens_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE regions ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE services ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE endpoints ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';

CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);

CREATE INDEX groups_created ON groups (created_at, id);

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
);

CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE roles_anew (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    domain_id TEXT REFERENCES domains (id),
    options TEXT NOT NULL,
    extra TEXT NOT NULL
);

INSERT INTO roles_anew SELECT id, name, description, created_at, NULL, '{}', '{}' FROM roles;
DROP TABLE roles;
ALTER TABLE roles_anew RENAME TO roles;
CREATE UNIQUE INDEX roles_name ON roles (name) WHERE domain_id IS NULL;
CREATE UNIQUE INDEX roles_domain_name ON roles (domain_id, name);

CREATE TABLE role_assignments_anew (
    actor_type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    role_id TEXT NOT NULL REFERENCES roles (id),
    inherited BOOLEAN NOT NULL,
    PRIMARY KEY (actor_type, actor_id, target_type, target_id, role_id, inherited)
);

INSERT INTO role_assignments_anew
    SELECT 'user', user_id, target_type, target_id, role_id, FALSE FROM role_assignments;
DROP TABLE role_assignments;
ALTER TABLE role_assignments_anew RENAME TO role_assignments;
CREATE INDEX role_assignments_target ON role_assignments (target_type, target_id);
CREATE INDEX role_assignments_role ON role_assignments (role_id);

CREATE TABLE revoked_tokens (
    audit_id TEXT PRIMARY KEY,
    with_descendants BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires_at)
"""

# Why these indexes: docs/decisions/0007.
# `is_readonly` is NULL until somebody sets it: only then it is shown, as in Cinder.
VOLUMES = """
ALTER TABLE volumes ADD COLUMN is_readonly BOOLEAN;
ALTER TABLE volumes ADD COLUMN image_metadata TEXT NOT NULL DEFAULT '{}';
ALTER TABLE volumes ADD COLUMN migration_status TEXT;

CREATE TABLE volume_metadata (
    volume_id TEXT NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (volume_id, key)
);

CREATE INDEX volume_metadata_project
    ON volume_metadata (project_id, key, value, created_at, volume_id);
INSERT INTO volume_metadata (volume_id, key, value, project_id, created_at)
    SELECT v.id, m.key, m.value, v.project_id, v.created_at
    FROM volumes v, json_each(v.metadata) m;

DROP INDEX volumes_project_unsettled;
DROP INDEX volumes_unsettled;
DROP INDEX volumes_host;
DROP INDEX volumes_type;
CREATE INDEX volumes_project_status ON volumes (project_id, status, created_at, id);
CREATE INDEX volumes_status ON volumes (status, created_at, id);
CREATE INDEX volumes_project_size ON volumes (project_id, size_gib, created_at, id);
CREATE INDEX volumes_project_zone ON volumes (project_id, availability_zone, created_at, id);
CREATE INDEX volumes_project_bootable ON volumes (project_id, bootable, created_at, id);
CREATE INDEX volumes_project_updated ON volumes (project_id, updated_at, created_at, id);
CREATE INDEX volumes_host ON volumes (host, created_at, id);
CREATE INDEX volumes_type ON volumes (volume_type_id, created_at, id);
CREATE INDEX volumes_user ON volumes (user_id, created_at, id);
CREATE INDEX volumes_migrating ON volumes (migration_status, created_at, id)
    WHERE migration_status IS NOT NULL
"""

TYPES_AND_QUOTAS = """
CREATE TABLE volume_type_access (
    volume_type_id TEXT NOT NULL REFERENCES volume_types (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL,
    PRIMARY KEY (volume_type_id, project_id)
);

CREATE INDEX volume_type_access_project ON volume_type_access (project_id);

CREATE TABLE default_types (
    project_id TEXT PRIMARY KEY,
    volume_type_id TEXT NOT NULL REFERENCES volume_types (id)
);

CREATE INDEX default_types_type ON default_types (volume_type_id);

CREATE TABLE quota_classes (
    name TEXT NOT NULL,
    resource TEXT NOT NULL,
    hard_limit BIGINT NOT NULL,
    PRIMARY KEY (name, resource)
)
"""

# Flags that administrators set on services which are no backends, the scheduler's above all.
SERVICES = """
CREATE TABLE service_flags (
    host TEXT NOT NULL,
    service TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (host, service)
)
"""

IDEMPOTENCY = """
CREATE TABLE kept_answers (
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, project_id, path, idempotency_key)
);

CREATE INDEX kept_answers_expires ON kept_answers (expires_at)
"""


def upgrade() -> None:
    """Make every table, column and index."""
    for part in (IDENTITY, VOLUMES, TYPES_AND_QUOTAS, SERVICES, IDEMPOTENCY):
        for statement in part.split(";"):
            if statement.strip():
                op.execute(statement)
