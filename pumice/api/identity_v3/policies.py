"""The policies of the identity API: Keystone's names with the defaults of its current release."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ANYBODY, IDENTITY_READER, Policy

_READ_IN_DOMAIN: Final = f"{IDENTITY_READER} or (role:reader and domain_id:%(domain_id)s)"

LIST_DOMAINS: Final = Policy("identity:list_domains", _READ_IN_DOMAIN, "List domains.")
GET_DOMAIN: Final = Policy(
    "identity:get_domain", f"{IDENTITY_READER} or domain_id:%(target.domain_id)s", "Show a domain."
)
LIST_PROJECTS: Final = Policy("identity:list_projects", _READ_IN_DOMAIN, "List projects.")
GET_PROJECT: Final = Policy(
    "identity:get_project",
    f"{IDENTITY_READER} or project_id:%(target.project_id)s",
    "Show a project.",
)
LIST_USERS: Final = Policy("identity:list_users", _READ_IN_DOMAIN, "List users.")
GET_USER: Final = Policy(
    "identity:get_user", f"{IDENTITY_READER} or user_id:%(target.user_id)s", "Show a user."
)
LIST_ROLES: Final = Policy("identity:list_roles", IDENTITY_READER, "List roles.")
GET_ROLE: Final = Policy("identity:get_role", IDENTITY_READER, "Show a role.")
LIST_SERVICES: Final = Policy("identity:list_services", IDENTITY_READER, "List services.")
GET_SERVICE: Final = Policy("identity:get_service", IDENTITY_READER, "Show a service.")
LIST_ENDPOINTS: Final = Policy("identity:list_endpoints", IDENTITY_READER, "List endpoints.")
GET_ENDPOINT: Final = Policy("identity:get_endpoint", IDENTITY_READER, "Show an endpoint.")
LIST_REGIONS: Final = Policy("identity:list_regions", ANYBODY, "List regions.")
GET_REGION: Final = Policy("identity:get_region", ANYBODY, "Show a region.")

VALIDATE_TOKEN: Final = Policy(
    "identity:validate_token",
    f"{IDENTITY_READER} or rule:service_role or rule:token_subject",
    "Show a token.",
)
AUTH_CATALOG: Final = Policy(
    "identity:get_auth_catalog", ANYBODY, "Show the catalog of one's token."
)
AUTH_PROJECTS: Final = Policy("identity:get_auth_projects", ANYBODY, "List projects to log in to.")
AUTH_DOMAINS: Final = Policy("identity:get_auth_domains", ANYBODY, "List domains to log in to.")
AUTH_SYSTEM: Final = Policy("identity:get_auth_system", ANYBODY, "List systems to log in to.")
ANY_TOKEN: Final = Policy(
    "pumice:ask_about_token", ANYBODY, "Ask about a token; validate_token decides on the answer."
)
