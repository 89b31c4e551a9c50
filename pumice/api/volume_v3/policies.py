"""The policies of the volume API: Cinder's names with the defaults of its current release.

R: an administrator, or a reader of the same project. M: an administrator, or a member of it. Whether a
resource is of the caller's project is decided where it is loaded: another project's does not exist.
"""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, Policy

LIST: Final = Policy("volume:get_all", PROJECT_READER, "List volumes.")
SHOW: Final = Policy("volume:get", PROJECT_READER, "Show a volume.")
CREATE: Final = Policy("volume:create", PROJECT_MEMBER, "Create a volume.")
DELETE: Final = Policy("volume:delete", PROJECT_MEMBER, "Delete a volume.")
FORCE_DELETE: Final = Policy("volume:force_delete", ADMIN, "Delete a volume in any status.")

TYPE_LIST: Final = Policy("volume_extension:type_get_all", PROJECT_READER, "List volume types.")
TYPE_SHOW: Final = Policy("volume_extension:type_get", PROJECT_READER, "Show a volume type.")
TYPE_CREATE: Final = Policy("volume_extension:type_create", ADMIN, "Create a volume type.")
TYPE_DELETE: Final = Policy("volume_extension:type_delete", ADMIN, "Delete a volume type.")
SPECS_LIST: Final = Policy(
    "volume_extension:types_extra_specs:index", PROJECT_READER, "List a type's extra specs."
)
SPECS_SHOW: Final = Policy(
    "volume_extension:types_extra_specs:show", PROJECT_READER, "Show one extra spec of a type."
)
SPECS_CREATE: Final = Policy(
    "volume_extension:types_extra_specs:create", ADMIN, "Add extra specs to a type."
)
SPECS_UPDATE: Final = Policy(
    "volume_extension:types_extra_specs:update", ADMIN, "Change an extra spec of a type."
)
SPECS_DELETE: Final = Policy(
    "volume_extension:types_extra_specs:delete", ADMIN, "Remove an extra spec of a type."
)

SERVICES: Final = Policy("volume_extension:services:index", ADMIN, "List the services.")
HOSTS: Final = Policy("volume_extension:hosts", ADMIN, "List the hosts.")
POOLS: Final = Policy(
    "scheduler_extension:scheduler_stats:get_pools", ADMIN, "List the backends' pools."
)

MESSAGE_LIST: Final = Policy("message:get_all", PROJECT_READER, "List user messages.")
MESSAGE_SHOW: Final = Policy("message:get", PROJECT_READER, "Show a user message.")
MESSAGE_DELETE: Final = Policy("message:delete", PROJECT_MEMBER, "Delete a user message.")
