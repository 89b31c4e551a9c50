"""The policies of the volume API: Cinder's names with the defaults of its current release.

R: an administrator, or a reader of the same project. M: an administrator, or a member of it. Whether a
resource is of the caller's project is decided where it is loaded: another project's does not exist.
"""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ADMIN, ANYBODY, PROJECT_MEMBER, PROJECT_READER, Policy

LIST: Final = Policy("volume:get_all", PROJECT_READER, "List volumes.")
SHOW: Final = Policy("volume:get", PROJECT_READER, "Show a volume.")
CREATE: Final = Policy("volume:create", PROJECT_MEMBER, "Create a volume.")
UPDATE: Final = Policy("volume:update", PROJECT_MEMBER, "Update a volume, or make it bootable.")
DELETE: Final = Policy("volume:delete", PROJECT_MEMBER, "Delete a volume.")
FORCE_DELETE: Final = Policy("volume:force_delete", ADMIN, "Delete a volume in any status.")

METADATA_SHOW: Final = Policy(
    "volume:get_volume_metadata", PROJECT_READER, "Show a volume's metadata."
)
METADATA_CREATE: Final = Policy(
    "volume:create_volume_metadata", PROJECT_MEMBER, "Add to a volume's metadata."
)
METADATA_UPDATE: Final = Policy(
    "volume:update_volume_metadata", PROJECT_MEMBER, "Replace a volume's metadata, or one item."
)
METADATA_DELETE: Final = Policy(
    "volume:delete_volume_metadata", PROJECT_MEMBER, "Remove an item of a volume's metadata."
)
IMAGE_METADATA_SHOW: Final = Policy(
    "volume_extension:volume_image_metadata:show",
    PROJECT_READER,
    "See a volume's image metadata where the volume is shown.",
)
IMAGE_METADATA_SET: Final = Policy(
    "volume_extension:volume_image_metadata:set", PROJECT_MEMBER, "Set a volume's image metadata."
)
IMAGE_METADATA_REMOVE: Final = Policy(
    "volume_extension:volume_image_metadata:remove",
    PROJECT_MEMBER,
    "Remove an item of a volume's image metadata.",
)
ENCRYPTION_SHOW: Final = Policy(
    "volume_extension:volume_encryption_metadata", PROJECT_READER, "Show how a volume is encrypted."
)
SET_READONLY: Final = Policy(
    "volume:update_readonly_flag", PROJECT_MEMBER, "Make a volume read only, or not."
)
RESET_STATUS: Final = Policy(
    "volume_extension:volume_admin_actions:reset_status", ADMIN, "Set a volume's statuses."
)
FORCE_DELETE_ACTION: Final = Policy(
    "volume_extension:volume_admin_actions:force_delete",
    ADMIN,
    "Delete a volume in any status, by an action.",
)

TYPE_LIST: Final = Policy("volume_extension:type_get_all", PROJECT_READER, "List volume types.")
TYPE_SHOW: Final = Policy("volume_extension:type_get", PROJECT_READER, "Show a volume type.")
TYPE_CREATE: Final = Policy("volume_extension:type_create", ADMIN, "Create a volume type.")
TYPE_UPDATE: Final = Policy("volume_extension:type_update", ADMIN, "Change a volume type.")
TYPE_DELETE: Final = Policy("volume_extension:type_delete", ADMIN, "Delete a volume type.")
TYPE_SPECS: Final = Policy(
    "volume_extension:access_types_extra_specs", PROJECT_READER, "See the extra specs of types."
)
TYPE_QOS: Final = Policy(
    "volume_extension:access_types_qos_specs_id", ADMIN, "See the QoS specs of types."
)
TYPE_ENCRYPTION: Final = Policy(
    "volume_extension:volume_type_encryption:get",
    ADMIN,
    "Show how volumes of a type are encrypted.",
)
TYPE_ACCESS: Final = Policy(
    "volume_extension:volume_type_access", PROJECT_MEMBER, "See whether types are public."
)
TYPE_ACCESS_LIST: Final = Policy(
    "volume_extension:volume_type_access:get_all_for_type",
    ADMIN,
    "List the projects that may use a private type.",
)
TYPE_ACCESS_ADD: Final = Policy(
    "volume_extension:volume_type_access:addProjectAccess",
    ADMIN,
    "Let a project use a private type.",
)
TYPE_ACCESS_REMOVE: Final = Policy(
    "volume_extension:volume_type_access:removeProjectAccess",
    ADMIN,
    "Let a project use a private type no longer.",
)
SPECS_LIST: Final = Policy(
    "volume_extension:types_extra_specs:index", PROJECT_READER, "List a type's extra specs."
)
SPECS_SHOW: Final = Policy(
    "volume_extension:types_extra_specs:show", PROJECT_READER, "Show one extra spec of a type."
)
SPECS_SENSITIVE: Final = Policy(
    "volume_extension:types_extra_specs:read_sensitive",
    ADMIN,
    "See the extra specs that tell of the backends.",
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

DEFAULT_TYPE_LIST: Final = Policy(
    "volume_extension:default_get_all", ADMIN, "List the default types of projects."
)
DEFAULT_TYPE_SHOW: Final = Policy(
    "volume_extension:default_get", ADMIN, "Show the default type of a project."
)
DEFAULT_TYPE_SET: Final = Policy(
    "volume_extension:default_set_or_update", ADMIN, "Set the default type of a project."
)
DEFAULT_TYPE_UNSET: Final = Policy(
    "volume_extension:default_unset", ADMIN, "Unset the default type of a project."
)

QUOTA_SHOW: Final = Policy(
    "volume_extension:quotas:show", PROJECT_READER, "Show the quota of a project."
)
QUOTA_UPDATE: Final = Policy("volume_extension:quotas:update", ADMIN, "Set limits of a project.")
QUOTA_DELETE: Final = Policy(
    "volume_extension:quotas:delete", ADMIN, "Give a project the default limits again."
)
QUOTA_CLASS_SHOW: Final = Policy("volume_extension:quota_classes:get", ADMIN, "Show a quota class.")
QUOTA_CLASS_UPDATE: Final = Policy(
    "volume_extension:quota_classes:update", ADMIN, "Set limits of a quota class."
)
LIMITS: Final = Policy(
    "pumice:limits", ANYBODY, "Show one's limits; limits_extension:used_limits decides on usage."
)
USED_LIMITS: Final = Policy(
    "limits_extension:used_limits", PROJECT_READER, "Show what is used of one's limits."
)

SERVICES: Final = Policy("volume_extension:services:index", ADMIN, "List the services.")
SERVICES_UPDATE: Final = Policy(
    "volume_extension:services:update", ADMIN, "Enable, disable and log more or less of services."
)
FREEZE_HOST: Final = Policy("volume:freeze_host", ADMIN, "Freeze a backend.")
THAW_HOST: Final = Policy("volume:thaw_host", ADMIN, "Thaw a backend.")
HOSTS: Final = Policy("volume_extension:hosts", ADMIN, "List the hosts.")
POOLS: Final = Policy(
    "scheduler_extension:scheduler_stats:get_pools", ADMIN, "List the backends' pools."
)

CAPABILITIES: Final = Policy("volume_extension:capabilities", ADMIN, "Show what a backend is.")
AVAILABILITY_ZONES: Final = Policy(
    "pumice:availability_zones", ANYBODY, "List the availability zones."
)
RESOURCE_FILTERS: Final = Policy(
    "pumice:resource_filters", ANYBODY, "List what lists may be filtered by."
)
EXTENSIONS: Final = Policy("pumice:extensions", ANYBODY, "List the extensions of the API.")

MESSAGE_LIST: Final = Policy("message:get_all", PROJECT_READER, "List user messages.")
MESSAGE_SHOW: Final = Policy("message:get", PROJECT_READER, "Show a user message.")
MESSAGE_DELETE: Final = Policy("message:delete", PROJECT_MEMBER, "Delete a user message.")
