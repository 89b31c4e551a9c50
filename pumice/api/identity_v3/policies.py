"""The policies of the identity API: Keystone's names with the defaults of its current release."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ANYBODY, IDENTITY_ADMIN, IDENTITY_READER, Policy

_READ_IN_DOMAIN: Final = f"{IDENTITY_READER} or (role:reader and domain_id:%(domain_id)s)"

# Keystone's domain manager: he has the role on the domain that the resource is in.
_MANAGE_PROJECT: Final = (
    "rule:admin_required or (role:manager and domain_id:%(target.project.domain_id)s)"
)
_MANAGE_USER: Final = (
    "rule:admin_required or (role:manager and token.domain.id:%(target.user.domain_id)s)"
)
_MANAGE_GROUP: Final = (
    "rule:admin_required or (role:manager and domain_id:%(target.group.domain_id)s)"
)
_MANAGE_MEMBER: Final = (
    "rule:admin_required or (role:manager and domain_id:%(target.group.domain_id)s "
    "and domain_id:%(target.user.domain_id)s)"
)
_READ_PROJECT: Final = (
    f"{IDENTITY_READER} or (role:reader and domain_id:%(target.project.domain_id)s) "
    "or project_id:%(target.project.id)s"
)
_READ_OF_USER: Final = (
    f"{IDENTITY_READER} or (role:reader and domain_id:%(target.user.domain_id)s) "
    "or user_id:%(target.user.id)s"
)
_READ_GROUP: Final = f"{IDENTITY_READER} or (role:reader and domain_id:%(target.group.domain_id)s)"

LIST_DOMAINS: Final = Policy("identity:list_domains", _READ_IN_DOMAIN, "List domains.")
GET_DOMAIN: Final = Policy(
    "identity:get_domain",
    f"{IDENTITY_READER} or token.domain.id:%(target.domain.id)s "
    "or token.project.domain.id:%(target.domain.id)s",
    "Show a domain.",
)
CREATE_DOMAIN: Final = Policy("identity:create_domain", IDENTITY_ADMIN, "Make a domain.")
UPDATE_DOMAIN: Final = Policy("identity:update_domain", IDENTITY_ADMIN, "Change a domain.")
DELETE_DOMAIN: Final = Policy("identity:delete_domain", IDENTITY_ADMIN, "Remove a domain.")
LIST_PROJECTS: Final = Policy("identity:list_projects", _READ_IN_DOMAIN, "List projects.")
GET_PROJECT: Final = Policy("identity:get_project", _READ_PROJECT, "Show a project.")
CREATE_PROJECT: Final = Policy("identity:create_project", _MANAGE_PROJECT, "Make a project.")
UPDATE_PROJECT: Final = Policy("identity:update_project", _MANAGE_PROJECT, "Change a project.")
DELETE_PROJECT: Final = Policy("identity:delete_project", _MANAGE_PROJECT, "Remove a project.")
LIST_TAGS: Final = Policy("identity:list_project_tags", _READ_PROJECT, "List a project's tags.")
GET_TAG: Final = Policy(
    "identity:get_project_tag", _READ_PROJECT, "Ask whether a project has a tag."
)
UPDATE_TAGS: Final = Policy(
    "identity:update_project_tags", _MANAGE_PROJECT, "Replace a project's tags."
)
CREATE_TAG: Final = Policy("identity:create_project_tag", _MANAGE_PROJECT, "Give a project a tag.")
DELETE_TAGS: Final = Policy(
    "identity:delete_project_tags", _MANAGE_PROJECT, "Take all tags from a project."
)
DELETE_TAG: Final = Policy(
    "identity:delete_project_tag", _MANAGE_PROJECT, "Take a tag from a project."
)
LIST_USERS: Final = Policy("identity:list_users", _READ_IN_DOMAIN, "List users.")
GET_USER: Final = Policy("identity:get_user", _READ_OF_USER, "Show a user.")
CREATE_USER: Final = Policy("identity:create_user", _MANAGE_USER, "Make a user.")
UPDATE_USER: Final = Policy(
    "identity:update_user", _MANAGE_USER, "Change a user, the password too."
)
DELETE_USER: Final = Policy("identity:delete_user", _MANAGE_USER, "Remove a user.")
LIST_USER_PROJECTS: Final = Policy(
    "identity:list_user_projects", _READ_OF_USER, "List the projects that a user has a role on."
)
LIST_USER_GROUPS: Final = Policy(
    "identity:list_groups_for_user", _READ_OF_USER, "List the groups that a user is in."
)
REVOKE_USER_TOKENS: Final = Policy(
    "identity:revoke_tokens_for_user",
    "rule:admin_required or user_id:%(target.user.id)s",
    "End all tokens of a user.",
)
LIST_GROUPS: Final = Policy("identity:list_groups", _READ_IN_DOMAIN, "List groups.")
GET_GROUP: Final = Policy("identity:get_group", _READ_GROUP, "Show a group.")
CREATE_GROUP: Final = Policy("identity:create_group", _MANAGE_GROUP, "Make a group.")
UPDATE_GROUP: Final = Policy("identity:update_group", _MANAGE_GROUP, "Change a group.")
DELETE_GROUP: Final = Policy("identity:delete_group", _MANAGE_GROUP, "Remove a group.")
LIST_MEMBERS: Final = Policy(
    "identity:list_users_in_group", _READ_GROUP, "List the users in a group."
)
CHECK_MEMBER: Final = Policy(
    "identity:check_user_in_group",
    f"{IDENTITY_READER} or (role:reader and domain_id:%(target.group.domain_id)s "
    "and domain_id:%(target.user.domain_id)s)",
    "Ask whether a user is in a group.",
)
ADD_MEMBER: Final = Policy("identity:add_user_to_group", _MANAGE_MEMBER, "Put a user in a group.")
REMOVE_MEMBER: Final = Policy(
    "identity:remove_user_from_group", _MANAGE_MEMBER, "Take a user out of a group."
)
# The policy of a global role or that of a domain's role: the handler asks for the one that it is.
ROLES: Final = Policy(
    "pumice:use_roles", ANYBODY, "Use roles; the policies of roles decide on the answer."
)
LIST_ROLES: Final = Policy(
    "identity:list_roles",
    f"{IDENTITY_READER} or (role:manager and domain_id:%(domain_id)s)",
    "List the roles that are no domain's.",
)
GET_ROLE: Final = Policy(
    "identity:get_role",
    f"{IDENTITY_READER} or (role:manager and rule:domain_managed_target_role)",
    "Show a role that is no domain's.",
)
CREATE_ROLE: Final = Policy(
    "identity:create_role", IDENTITY_ADMIN, "Make a role that is no domain's."
)
UPDATE_ROLE: Final = Policy("identity:update_role", IDENTITY_ADMIN, "Change such a role.")
DELETE_ROLE: Final = Policy("identity:delete_role", IDENTITY_ADMIN, "Remove such a role.")
LIST_DOMAIN_ROLES: Final = Policy(
    "identity:list_domain_roles", IDENTITY_READER, "List a domain's roles."
)
GET_DOMAIN_ROLE: Final = Policy(
    "identity:get_domain_role", IDENTITY_READER, "Show a domain's role."
)
CREATE_DOMAIN_ROLE: Final = Policy(
    "identity:create_domain_role", IDENTITY_ADMIN, "Make a domain's role."
)
UPDATE_DOMAIN_ROLE: Final = Policy(
    "identity:update_domain_role", IDENTITY_ADMIN, "Change a domain's role."
)
DELETE_DOMAIN_ROLE: Final = Policy(
    "identity:delete_domain_role", IDENTITY_ADMIN, "Remove a domain's role."
)
LIST_INFERENCES: Final = Policy(
    "identity:list_role_inference_rules", IDENTITY_READER, "List what all roles imply."
)
LIST_IMPLIED: Final = Policy(
    "identity:list_implied_roles", IDENTITY_READER, "List what a role implies."
)
GET_IMPLIED: Final = Policy(
    "identity:get_implied_role", IDENTITY_READER, "Show that a role implies another."
)
CHECK_IMPLIED: Final = Policy(
    "identity:check_implied_role", IDENTITY_READER, "Ask whether a role implies another."
)
CREATE_IMPLIED: Final = Policy(
    "identity:create_implied_role", IDENTITY_ADMIN, "Let a role imply another."
)
DELETE_IMPLIED: Final = Policy(
    "identity:delete_implied_role", IDENTITY_ADMIN, "Let a role not imply another."
)

LIST_SERVICES: Final = Policy("identity:list_services", IDENTITY_READER, "List services.")
GET_SERVICE: Final = Policy("identity:get_service", IDENTITY_READER, "Show a service.")
CREATE_SERVICE: Final = Policy("identity:create_service", IDENTITY_ADMIN, "Make a service.")
UPDATE_SERVICE: Final = Policy("identity:update_service", IDENTITY_ADMIN, "Change a service.")
DELETE_SERVICE: Final = Policy("identity:delete_service", IDENTITY_ADMIN, "Remove a service.")
LIST_ENDPOINTS: Final = Policy("identity:list_endpoints", IDENTITY_READER, "List endpoints.")
GET_ENDPOINT: Final = Policy("identity:get_endpoint", IDENTITY_READER, "Show an endpoint.")
CREATE_ENDPOINT: Final = Policy("identity:create_endpoint", IDENTITY_ADMIN, "Make an endpoint.")
UPDATE_ENDPOINT: Final = Policy("identity:update_endpoint", IDENTITY_ADMIN, "Change an endpoint.")
DELETE_ENDPOINT: Final = Policy("identity:delete_endpoint", IDENTITY_ADMIN, "Remove an endpoint.")
LIST_REGIONS: Final = Policy("identity:list_regions", ANYBODY, "List regions.")
GET_REGION: Final = Policy("identity:get_region", ANYBODY, "Show a region.")
CREATE_REGION: Final = Policy("identity:create_region", IDENTITY_ADMIN, "Make a region.")
UPDATE_REGION: Final = Policy("identity:update_region", IDENTITY_ADMIN, "Change a region.")
DELETE_REGION: Final = Policy("identity:delete_region", IDENTITY_ADMIN, "Remove a region.")


def _in_own_domain(role: str) -> str:
    """Who has ``role`` on the domain that both the actor and the target of a grant are in."""
    pairs = (
        f"(role:{role} and domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{place})s)"
        for actor in ("user", "group")
        for place in ("project.domain_id", "domain.id")
    )
    return " or ".join(pairs)


_ROLE_OF_DOMAIN: Final = "domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s"
_READ_GRANT: Final = f"{IDENTITY_READER} or (({_in_own_domain('reader')}) and ({_ROLE_OF_DOMAIN}))"
_LIST_GRANTS: Final = f"{IDENTITY_READER} or {_in_own_domain('reader')}"
_CHANGE_GRANT: Final = (
    f"rule:admin_required or (({_in_own_domain('admin')}) and ({_ROLE_OF_DOMAIN})) "
    f"or (({_in_own_domain('manager')}) and rule:domain_managed_target_role)"
)
_READ_ASSIGNMENTS: Final = f"{IDENTITY_READER} or (role:reader and domain_id:%(target.domain_id)s)"

LIST_GRANTS: Final = Policy(
    "identity:list_grants", _LIST_GRANTS, "List an actor's roles on a project or domain."
)
CHECK_GRANT: Final = Policy(
    "identity:check_grant", _READ_GRANT, "Ask whether an actor has a role on a project or domain."
)
CREATE_GRANT: Final = Policy(
    "identity:create_grant", _CHANGE_GRANT, "Give an actor a role on a project or domain."
)
REVOKE_GRANT: Final = Policy(
    "identity:revoke_grant", _CHANGE_GRANT, "Take an actor's role on a project or domain."
)
LIST_SYSTEM_GRANTS_FOR_USER: Final = Policy(
    "identity:list_system_grants_for_user", IDENTITY_READER, "List a user's roles on the system."
)
CHECK_SYSTEM_GRANT_FOR_USER: Final = Policy(
    "identity:check_system_grant_for_user",
    IDENTITY_READER,
    "Ask whether a user has a role on the system.",
)
CREATE_SYSTEM_GRANT_FOR_USER: Final = Policy(
    "identity:create_system_grant_for_user", IDENTITY_ADMIN, "Give a user a role on the system."
)
REVOKE_SYSTEM_GRANT_FOR_USER: Final = Policy(
    "identity:revoke_system_grant_for_user", IDENTITY_ADMIN, "Take a user's role on the system."
)
LIST_SYSTEM_GRANTS_FOR_GROUP: Final = Policy(
    "identity:list_system_grants_for_group", IDENTITY_READER, "List a group's roles on the system."
)
CHECK_SYSTEM_GRANT_FOR_GROUP: Final = Policy(
    "identity:check_system_grant_for_group",
    IDENTITY_READER,
    "Ask whether a group has a role on the system.",
)
CREATE_SYSTEM_GRANT_FOR_GROUP: Final = Policy(
    "identity:create_system_grant_for_group", IDENTITY_ADMIN, "Give a group a role on the system."
)
REVOKE_SYSTEM_GRANT_FOR_GROUP: Final = Policy(
    "identity:revoke_system_grant_for_group", IDENTITY_ADMIN, "Take a group's role on the system."
)
LIST_ASSIGNMENTS: Final = Policy(
    "identity:list_role_assignments", _READ_ASSIGNMENTS, "List who has which role on what."
)
LIST_ASSIGNMENTS_OF_TREE: Final = Policy(
    "identity:list_role_assignments_for_tree",
    _READ_ASSIGNMENTS,
    "List who has which role on a project and those below it.",
)

VALIDATE_TOKEN: Final = Policy(
    "identity:validate_token",
    f"{IDENTITY_READER} or rule:service_role or rule:token_subject",
    "Show a token.",
)
CHECK_TOKEN: Final = Policy(
    "identity:check_token",
    f"{IDENTITY_READER} or rule:token_subject",
    "Ask whether a token is valid.",
)
REVOKE_TOKEN: Final = Policy(
    "identity:revoke_token", "rule:admin_required or rule:token_subject", "Revoke a token."
)
AUTH_CATALOG: Final = Policy(
    "identity:get_auth_catalog", ANYBODY, "Show the catalog of one's token."
)
AUTH_PROJECTS: Final = Policy("identity:get_auth_projects", ANYBODY, "List projects to log in to.")
AUTH_DOMAINS: Final = Policy("identity:get_auth_domains", ANYBODY, "List domains to log in to.")
AUTH_SYSTEM: Final = Policy("identity:get_auth_system", ANYBODY, "List systems to log in to.")
ANY_TOKEN: Final = Policy(
    "pumice:ask_about_token", ANYBODY, "Use a token; the policies of tokens decide on the answer."
)
