"""The policies of the identity API: Keystone's names with the defaults of its current release."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import Policy

_ANY: Final = "@"
_READ: Final = "rule:admin_required or (role:reader and system_scope:all)"
_READ_IN_DOMAIN: Final = f"{_READ} or (role:reader and domain_id:%(domain_id)s)"

LIST_DOMAINS: Final = Policy("identity:list_domains", _READ_IN_DOMAIN, "List domains.")
GET_DOMAIN: Final = Policy(
    "identity:get_domain", f"{_READ} or domain_id:%(target.domain_id)s", "Show a domain."
)
LIST_PROJECTS: Final = Policy("identity:list_projects", _READ_IN_DOMAIN, "List projects.")
GET_PROJECT: Final = Policy(
    "identity:get_project", f"{_READ} or project_id:%(target.project_id)s", "Show a project."
)
LIST_USERS: Final = Policy("identity:list_users", _READ_IN_DOMAIN, "List users.")
GET_USER: Final = Policy(
    "identity:get_user", f"{_READ} or user_id:%(target.user_id)s", "Show a user."
)
LIST_ROLES: Final = Policy("identity:list_roles", _READ, "List roles.")
GET_ROLE: Final = Policy("identity:get_role", _READ, "Show a role.")
LIST_SERVICES: Final = Policy("identity:list_services", _READ, "List services.")
GET_SERVICE: Final = Policy("identity:get_service", _READ, "Show a service.")
LIST_ENDPOINTS: Final = Policy("identity:list_endpoints", _READ, "List endpoints.")
GET_ENDPOINT: Final = Policy("identity:get_endpoint", _READ, "Show an endpoint.")
LIST_REGIONS: Final = Policy("identity:list_regions", _ANY, "List regions.")
GET_REGION: Final = Policy("identity:get_region", _ANY, "Show a region.")

VALIDATE_TOKEN: Final = Policy(
    "identity:validate_token",
    f"{_READ} or rule:service_role or rule:token_subject",
    "Show a token.",
)
AUTH_CATALOG: Final = Policy("identity:get_auth_catalog", _ANY, "Show the catalog of one's token.")
AUTH_PROJECTS: Final = Policy("identity:get_auth_projects", _ANY, "List projects to log in to.")
AUTH_DOMAINS: Final = Policy("identity:get_auth_domains", _ANY, "List domains to log in to.")
AUTH_SYSTEM: Final = Policy("identity:get_auth_system", _ANY, "List systems to log in to.")
ANY_TOKEN: Final = Policy(
    "pumice:ask_about_token", _ANY, "Ask about a token; validate_token decides on the answer."
)
