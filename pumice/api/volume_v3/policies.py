"""The policies of the volume API: Cinder's names with the defaults of its current release.

R: an administrator, or a reader of the same project. M: an administrator, or a member of it. Whether a
resource is of the caller's project is decided where it is loaded: another project's does not exist.
"""

from __future__ import annotations

from typing import Final

from pumice.api.policy import Policy

_ADMIN: Final = "rule:admin_api"
_MEMBER: Final = "rule:xena_system_admin_or_project_member"
_READER: Final = "rule:xena_system_admin_or_project_reader"

LIST: Final = Policy("volume:get_all", _READER, "List volumes.")
SHOW: Final = Policy("volume:get", _READER, "Show a volume.")
CREATE: Final = Policy("volume:create", _MEMBER, "Create a volume.")
DELETE: Final = Policy("volume:delete", _MEMBER, "Delete a volume.")
FORCE_DELETE: Final = Policy("volume:force_delete", _ADMIN, "Delete a volume in any status.")

TYPE_LIST: Final = Policy("volume_extension:type_get_all", _READER, "List volume types.")
TYPE_SHOW: Final = Policy("volume_extension:type_get", _READER, "Show a volume type.")
TYPE_CREATE: Final = Policy("volume_extension:type_create", _ADMIN, "Create a volume type.")
TYPE_DELETE: Final = Policy("volume_extension:type_delete", _ADMIN, "Delete a volume type.")
SPECS_LIST: Final = Policy(
    "volume_extension:types_extra_specs:index", _READER, "List a type's extra specs."
)
SPECS_SHOW: Final = Policy(
    "volume_extension:types_extra_specs:show", _READER, "Show one extra spec of a type."
)
SPECS_CREATE: Final = Policy(
    "volume_extension:types_extra_specs:create", _ADMIN, "Add extra specs to a type."
)
SPECS_UPDATE: Final = Policy(
    "volume_extension:types_extra_specs:update", _ADMIN, "Change an extra spec of a type."
)
SPECS_DELETE: Final = Policy(
    "volume_extension:types_extra_specs:delete", _ADMIN, "Remove an extra spec of a type."
)

SERVICES: Final = Policy("volume_extension:services:index", _ADMIN, "List the services.")
HOSTS: Final = Policy("volume_extension:hosts", _ADMIN, "List the hosts.")
POOLS: Final = Policy(
    "scheduler_extension:scheduler_stats:get_pools", _ADMIN, "List the backends' pools."
)

MESSAGE_LIST: Final = Policy("message:get_all", _READER, "List user messages.")
MESSAGE_SHOW: Final = Policy("message:get", _READER, "Show a user message.")
MESSAGE_DELETE: Final = Policy("message:delete", _MEMBER, "Delete a user message.")
