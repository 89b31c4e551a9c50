-- The schema of a new database, as the migrations make it. Do not edit: change the schema by a
-- migration, then write this file with `python -m pumice.store.migrations`.

PRAGMA application_id = 1349873001;

CREATE TABLE domains (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
, tags TEXT NOT NULL DEFAULT '[]', options TEXT NOT NULL DEFAULT '{}', extra TEXT NOT NULL DEFAULT '{}');

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    parent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL, tags TEXT NOT NULL DEFAULT '[]', options TEXT NOT NULL DEFAULT '{}', extra TEXT NOT NULL DEFAULT '{}',
    UNIQUE (domain_id, name)
);

CREATE INDEX projects_created ON projects (created_at, id);

CREATE INDEX projects_name ON projects (name);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    password_hash TEXT,
    default_project_id TEXT,
    description TEXT,
    email TEXT,
    created_at BIGINT NOT NULL, options TEXT NOT NULL DEFAULT '{}', extra TEXT NOT NULL DEFAULT '{}', tokens_after BIGINT NOT NULL DEFAULT 0,
    UNIQUE (domain_id, name)
);

CREATE INDEX users_created ON users (created_at, id);

CREATE INDEX users_name ON users (name);

CREATE TABLE role_implications (
    prior_role_id TEXT NOT NULL REFERENCES roles (id),
    implied_role_id TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (prior_role_id, implied_role_id)
);

CREATE TABLE regions (
    id TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    parent_region_id TEXT REFERENCES regions (id)
, extra TEXT NOT NULL DEFAULT '{}');

CREATE TABLE services (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL
, extra TEXT NOT NULL DEFAULT '{}');

CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    service_id TEXT NOT NULL REFERENCES services (id),
    interface TEXT NOT NULL,
    region_id TEXT REFERENCES regions (id),
    url TEXT NOT NULL,
    enabled BOOLEAN NOT NULL
, extra TEXT NOT NULL DEFAULT '{}');

CREATE INDEX endpoints_service ON endpoints (service_id);

CREATE TABLE flavors (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    ram_mib BIGINT NOT NULL,
    vcpus BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL,
    ephemeral_gib BIGINT NOT NULL,
    swap_mib BIGINT NOT NULL,
    rxtx_factor DOUBLE PRECISION NOT NULL,
    is_public BOOLEAN NOT NULL,
    extra_specs TEXT NOT NULL
);

CREATE TABLE flavor_access (
    flavor_id TEXT NOT NULL REFERENCES flavors (id),
    project_id TEXT NOT NULL,
    PRIMARY KEY (flavor_id, project_id)
);

CREATE TABLE volume_types (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    is_public BOOLEAN NOT NULL,
    extra_specs TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE volumes (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT,
    description TEXT,
    size_gib BIGINT NOT NULL,
    status TEXT NOT NULL,
    attach_status TEXT NOT NULL,
    volume_type_id TEXT NOT NULL REFERENCES volume_types (id),
    availability_zone TEXT NOT NULL,
    host TEXT,
    bootable BOOLEAN NOT NULL,
    multiattach BOOLEAN NOT NULL,
    metadata TEXT NOT NULL,
    provider_location TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
, is_readonly BOOLEAN, image_metadata TEXT NOT NULL DEFAULT '{}', migration_status TEXT);

CREATE INDEX volumes_project ON volumes (project_id, created_at, id);

CREATE INDEX volumes_created ON volumes (created_at, id);

CREATE INDEX volumes_project_name ON volumes (project_id, name, created_at, id);

CREATE INDEX volumes_name ON volumes (name, created_at, id);

CREATE TABLE quota_limits (
    project_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    hard_limit BIGINT NOT NULL,
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE quota_usages (
    project_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    in_use BIGINT NOT NULL,
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE processes (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
, roles TEXT NOT NULL DEFAULT 'api,scheduler,volume');

CREATE TABLE backends (
    host TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    availability_zone TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    frozen BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pools (
    host TEXT PRIMARY KEY,
    backend_host TEXT NOT NULL,
    allocated_gib BIGINT NOT NULL,
    volume_count BIGINT NOT NULL
, report TEXT NOT NULL DEFAULT '');

CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    params TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    project_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    backend_host TEXT,
    step TEXT NOT NULL,
    claimed_by TEXT,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    run_after BIGINT NOT NULL,
    error TEXT,
    error_detail TEXT,
    request_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    trace TEXT
);

CREATE INDEX operations_unfinished ON operations (run_after) WHERE ended_at IS NULL;

CREATE INDEX operations_ended ON operations (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX operations_project ON operations (project_id, id);

CREATE INDEX operations_resource ON operations (resource_id, id);

CREATE INDEX operations_request ON operations (request_id);

CREATE TABLE operation_log (
    operation_id TEXT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    step TEXT NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    fence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (operation_id, seq)
);

CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    user_message TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX messages_project ON messages (project_id, created_at, id);

CREATE INDEX messages_resource ON messages (resource_id);

CREATE INDEX messages_expires ON messages (expires_at);

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    project_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    size_gib BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX events_created ON events (created_at, id);

CREATE INDEX events_project ON events (project_id, created_at, id);

CREATE INDEX projects_parent ON projects (parent_id);

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

CREATE TABLE "roles" (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    domain_id TEXT REFERENCES domains (id),
    options TEXT NOT NULL,
    extra TEXT NOT NULL
);

CREATE UNIQUE INDEX roles_name ON roles (name) WHERE domain_id IS NULL;

CREATE UNIQUE INDEX roles_domain_name ON roles (domain_id, name);

CREATE TABLE "role_assignments" (
    actor_type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    role_id TEXT NOT NULL REFERENCES roles (id),
    inherited BOOLEAN NOT NULL,
    PRIMARY KEY (actor_type, actor_id, target_type, target_id, role_id, inherited)
);

CREATE INDEX role_assignments_target ON role_assignments (target_type, target_id);

CREATE INDEX role_assignments_role ON role_assignments (role_id);

CREATE TABLE revoked_tokens (
    audit_id TEXT PRIMARY KEY,
    with_descendants BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires_at);

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
    WHERE migration_status IS NOT NULL;

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
);

CREATE TABLE service_flags (
    host TEXT NOT NULL,
    service TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (host, service)
);

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

CREATE INDEX kept_answers_expires ON kept_answers (expires_at);

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

CREATE INDEX operations_claimed ON operations (claimed_by) WHERE ended_at IS NULL;

CREATE TABLE generations (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE token_keys (
    number BIGINT PRIMARY KEY,
    sealed TEXT NOT NULL
);

CREATE TABLE compatibility (
    oldest TEXT NOT NULL
);

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO generations (name, value) VALUES ('identity', 0);

INSERT INTO compatibility (oldest) VALUES ('0003');

INSERT INTO alembic_version (version_num) VALUES ('0003');
