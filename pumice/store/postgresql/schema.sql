-- The schema of a new database, as the migrations make it. Do not edit: change the schema by a
-- migration, then write this file with `python -m pumice.store.migrations`.

CREATE TABLE domains (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
, tags TEXT COLLATE "C" NOT NULL DEFAULT '[]', options TEXT COLLATE "C" NOT NULL DEFAULT '{}', extra TEXT COLLATE "C" NOT NULL DEFAULT '{}');

CREATE TABLE projects (
    id TEXT COLLATE "C" PRIMARY KEY,
    domain_id TEXT COLLATE "C" NOT NULL REFERENCES domains (id),
    parent_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL, tags TEXT COLLATE "C" NOT NULL DEFAULT '[]', options TEXT COLLATE "C" NOT NULL DEFAULT '{}', extra TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    UNIQUE (domain_id, name)
);

CREATE INDEX projects_created ON projects (created_at, id);

CREATE INDEX projects_name ON projects (name);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY,
    domain_id TEXT COLLATE "C" NOT NULL REFERENCES domains (id),
    name TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    password_hash TEXT COLLATE "C",
    default_project_id TEXT COLLATE "C",
    description TEXT COLLATE "C",
    email TEXT COLLATE "C",
    created_at BIGINT NOT NULL, options TEXT COLLATE "C" NOT NULL DEFAULT '{}', extra TEXT COLLATE "C" NOT NULL DEFAULT '{}', tokens_after BIGINT NOT NULL DEFAULT 0,
    UNIQUE (domain_id, name)
);

CREATE INDEX users_created ON users (created_at, id);

CREATE INDEX users_name ON users (name);

CREATE TABLE "roles" (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    domain_id TEXT COLLATE "C" REFERENCES domains (id),
    options TEXT COLLATE "C" NOT NULL,
    extra TEXT COLLATE "C" NOT NULL
);

CREATE TABLE role_implications (
    prior_role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    implied_role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    PRIMARY KEY (prior_role_id, implied_role_id)
);

CREATE TABLE regions (
    id TEXT COLLATE "C" PRIMARY KEY,
    description TEXT COLLATE "C" NOT NULL,
    parent_region_id TEXT COLLATE "C" REFERENCES regions (id)
, extra TEXT COLLATE "C" NOT NULL DEFAULT '{}');

CREATE TABLE services (
    id TEXT COLLATE "C" PRIMARY KEY,
    type TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL
, extra TEXT COLLATE "C" NOT NULL DEFAULT '{}');

CREATE TABLE endpoints (
    id TEXT COLLATE "C" PRIMARY KEY,
    service_id TEXT COLLATE "C" NOT NULL REFERENCES services (id),
    interface TEXT COLLATE "C" NOT NULL,
    region_id TEXT COLLATE "C" REFERENCES regions (id),
    url TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL
, extra TEXT COLLATE "C" NOT NULL DEFAULT '{}');

CREATE INDEX endpoints_service ON endpoints (service_id);

CREATE TABLE flavors (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT COLLATE "C",
    ram_mib BIGINT NOT NULL,
    vcpus BIGINT NOT NULL,
    disk_gib BIGINT NOT NULL,
    ephemeral_gib BIGINT NOT NULL,
    swap_mib BIGINT NOT NULL,
    rxtx_factor DOUBLE PRECISION NOT NULL,
    is_public BOOLEAN NOT NULL,
    extra_specs TEXT COLLATE "C" NOT NULL
);

CREATE TABLE flavor_access (
    flavor_id TEXT COLLATE "C" NOT NULL REFERENCES flavors (id),
    project_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (flavor_id, project_id)
);

CREATE TABLE volume_types (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT COLLATE "C",
    is_public BOOLEAN NOT NULL,
    extra_specs TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE volumes (
    id TEXT COLLATE "C" PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    description TEXT COLLATE "C",
    size_gib BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    attach_status TEXT COLLATE "C" NOT NULL,
    volume_type_id TEXT COLLATE "C" NOT NULL REFERENCES volume_types (id),
    availability_zone TEXT COLLATE "C" NOT NULL,
    host TEXT COLLATE "C",
    bootable BOOLEAN NOT NULL,
    multiattach BOOLEAN NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    provider_location TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT
, is_readonly BOOLEAN, image_metadata TEXT COLLATE "C" NOT NULL DEFAULT '{}', migration_status TEXT COLLATE "C");

CREATE INDEX volumes_project ON volumes (project_id, created_at, id);

CREATE INDEX volumes_created ON volumes (created_at, id);

CREATE INDEX volumes_project_name ON volumes (project_id, name NULLS FIRST, created_at, id);

CREATE INDEX volumes_name ON volumes (name NULLS FIRST, created_at, id);

CREATE TABLE quota_limits (
    project_id TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    hard_limit BIGINT NOT NULL,
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE quota_usages (
    project_id TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    in_use BIGINT NOT NULL,
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE processes (
    id TEXT COLLATE "C" PRIMARY KEY,
    host TEXT COLLATE "C" NOT NULL,
    pid BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
, roles TEXT COLLATE "C" NOT NULL DEFAULT 'api,scheduler,volume');

CREATE TABLE backends (
    host TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    availability_zone TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT COLLATE "C",
    frozen BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pools (
    host TEXT COLLATE "C" PRIMARY KEY,
    backend_host TEXT COLLATE "C" NOT NULL,
    allocated_gib BIGINT NOT NULL,
    volume_count BIGINT NOT NULL
, report TEXT COLLATE "C" NOT NULL DEFAULT '');

CREATE TABLE operations (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    params TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    backend_host TEXT COLLATE "C",
    step TEXT COLLATE "C" NOT NULL,
    claimed_by TEXT COLLATE "C",
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    run_after BIGINT NOT NULL,
    error TEXT COLLATE "C",
    error_detail TEXT COLLATE "C",
    request_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    trace TEXT COLLATE "C"
);

CREATE INDEX operations_unfinished ON operations (run_after) WHERE ended_at IS NULL;

CREATE INDEX operations_ended ON operations (ended_at NULLS FIRST) WHERE ended_at IS NOT NULL;

CREATE INDEX operations_project ON operations (project_id, id);

CREATE INDEX operations_resource ON operations (resource_id, id);

CREATE INDEX operations_request ON operations (request_id);

CREATE TABLE operation_log (
    operation_id TEXT COLLATE "C" NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    fence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (operation_id, seq)
);

CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    user_message TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX messages_project ON messages (project_id, created_at, id);

CREATE INDEX messages_resource ON messages (resource_id);

CREATE INDEX messages_expires ON messages (expires_at);

CREATE TABLE events (
    id TEXT COLLATE "C" PRIMARY KEY,
    event TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    operation_id TEXT COLLATE "C" NOT NULL,
    size_gib BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX events_created ON events (created_at, id);

CREATE INDEX events_project ON events (project_id, created_at, id);

CREATE INDEX projects_parent ON projects (parent_id);

CREATE TABLE groups (
    id TEXT COLLATE "C" PRIMARY KEY,
    domain_id TEXT COLLATE "C" NOT NULL REFERENCES domains (id),
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    extra TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);

CREATE INDEX groups_created ON groups (created_at, id);

CREATE TABLE group_members (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
);

CREATE INDEX group_members_user ON group_members (user_id);

CREATE UNIQUE INDEX roles_name ON roles (name) WHERE domain_id IS NULL;

CREATE UNIQUE INDEX roles_domain_name ON roles (domain_id NULLS FIRST, name);

CREATE TABLE "role_assignments" (
    actor_type TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    target_type TEXT COLLATE "C" NOT NULL,
    target_id TEXT COLLATE "C" NOT NULL,
    role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    inherited BOOLEAN NOT NULL,
    PRIMARY KEY (actor_type, actor_id, target_type, target_id, role_id, inherited)
);

CREATE INDEX role_assignments_target ON role_assignments (target_type, target_id);

CREATE INDEX role_assignments_role ON role_assignments (role_id);

CREATE TABLE revoked_tokens (
    audit_id TEXT COLLATE "C" PRIMARY KEY,
    with_descendants BOOLEAN NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires_at);

CREATE TABLE volume_metadata (
    volume_id TEXT COLLATE "C" NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
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

CREATE INDEX volumes_project_updated ON volumes (project_id, updated_at NULLS FIRST, created_at, id);

CREATE INDEX volumes_host ON volumes (host NULLS FIRST, created_at, id);

CREATE INDEX volumes_type ON volumes (volume_type_id, created_at, id);

CREATE INDEX volumes_user ON volumes (user_id, created_at, id);

CREATE INDEX volumes_migrating ON volumes (migration_status NULLS FIRST, created_at, id)
    WHERE migration_status IS NOT NULL;

CREATE TABLE volume_type_access (
    volume_type_id TEXT COLLATE "C" NOT NULL REFERENCES volume_types (id) ON DELETE CASCADE,
    project_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (volume_type_id, project_id)
);

CREATE INDEX volume_type_access_project ON volume_type_access (project_id);

CREATE TABLE default_types (
    project_id TEXT COLLATE "C" PRIMARY KEY,
    volume_type_id TEXT COLLATE "C" NOT NULL REFERENCES volume_types (id)
);

CREATE INDEX default_types_type ON default_types (volume_type_id);

CREATE TABLE quota_classes (
    name TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    hard_limit BIGINT NOT NULL,
    PRIMARY KEY (name, resource)
);

CREATE TABLE service_flags (
    host TEXT COLLATE "C" NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT COLLATE "C",
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (host, service)
);

CREATE TABLE kept_answers (
    user_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    body_hash TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, project_id, path, idempotency_key)
);

CREATE INDEX kept_answers_expires ON kept_answers (expires_at);

CREATE TABLE backend_servers (
    backend_host TEXT COLLATE "C" NOT NULL,
    process_id TEXT COLLATE "C" NOT NULL REFERENCES processes (id) ON DELETE CASCADE,
    up BOOLEAN NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (backend_host, process_id)
);

CREATE INDEX backend_servers_process ON backend_servers (process_id);

CREATE TABLE process_locks (
    process_id TEXT COLLATE "C" PRIMARY KEY,
    server TEXT COLLATE "C" NOT NULL
);

CREATE INDEX operations_claimed ON operations (claimed_by NULLS FIRST) WHERE ended_at IS NULL;

CREATE TABLE generations (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE token_keys (
    number BIGINT PRIMARY KEY,
    sealed TEXT COLLATE "C" NOT NULL
);

CREATE TABLE compatibility (
    oldest TEXT COLLATE "C" NOT NULL
);

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO generations (name, value) VALUES ('identity', 0);

INSERT INTO compatibility (oldest) VALUES ('0003');

INSERT INTO alembic_version (version_num) VALUES ('0003');
