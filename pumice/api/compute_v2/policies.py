"""The policies of flavors: Nova's names with the defaults of its current release."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ADMIN, ANYBODY, PROJECT_READER, Policy

SHOW: Final = Policy("os_compute_api:flavors", ANYBODY, "List and show flavors.")
CREATE: Final = Policy("os_compute_api:os-flavor-manage:create", ADMIN, "Create a flavor.")
UPDATE: Final = Policy("os_compute_api:os-flavor-manage:update", ADMIN, "Describe a flavor.")
DELETE: Final = Policy("os_compute_api:os-flavor-manage:delete", ADMIN, "Delete a flavor.")

LIST_SPECS: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:index", PROJECT_READER, "List a flavor's extra specs."
)
SHOW_SPEC: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:show", PROJECT_READER, "Show one extra spec of a flavor."
)
CREATE_SPECS: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:create", ADMIN, "Add extra specs to a flavor."
)
UPDATE_SPEC: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:update", ADMIN, "Change an extra spec of a flavor."
)
DELETE_SPEC: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:delete", ADMIN, "Remove an extra spec of a flavor."
)

LIST_ACCESS: Final = Policy(
    "os_compute_api:os-flavor-access", ADMIN, "List the projects that may use a flavor."
)
GRANT_ACCESS: Final = Policy(
    "os_compute_api:os-flavor-access:add_tenant_access", ADMIN, "Let a project use a flavor."
)
REVOKE_ACCESS: Final = Policy(
    "os_compute_api:os-flavor-access:remove_tenant_access",
    ADMIN,
    "Take a flavor away from a project.",
)
