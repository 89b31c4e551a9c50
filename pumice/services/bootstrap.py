"""What a first start puts into an empty database, so that a client can log in and make a volume."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from msgspec import Struct

from pumice.errors import VolumeTypeNotFound
from pumice.model.flavor import Flavor
from pumice.model.identity import (
    DEFAULT_DOMAIN_ID,
    SYSTEM_TARGET,
    Assignment,
    Domain,
    Endpoint,
    EndpointQuery,
    Interface,
    Project,
    Region,
    Role,
    RoleQuery,
    Service,
    ServiceQuery,
    User,
)
from pumice.model.volume import VolumeType
from pumice.seams import Seams
from pumice.store import (
    assignments,
    domains,
    endpoints,
    flavors,
    projects,
    regions,
    roles,
    services,
    users,
    volume_types,
)
from pumice.store.txn import Txn

ADMIN: Final = "admin"
"""The name of the first project, of its user, and of the role that may do everything."""
REGION: Final = "RegionOne"
DEFAULT_TYPE: Final = "__DEFAULT__"

# Each of the four implies the one after it; service implies nothing (keystone-manage bootstrap).
_ROLES: Final = (ADMIN, "manager", "member", "reader")
_SERVICE_ROLE: Final = "service"

_INTERFACES: Final[tuple[Interface, ...]] = ("public", "internal", "admin")
# Type, name, and where it is served. Two types of block storage: old clients look for volumev3.
_SERVICES: Final = (
    ("identity", "keystone", "{base}/identity/v3"),
    ("block-storage", "cinder", "{base}/volume/v3/$(project_id)s"),
    ("volumev3", "cinderv3", "{base}/volume/v3/$(project_id)s"),
    ("compute", "nova", "{base}/compute/v2.1"),
    ("pumice", "pumice", "{base}/pumice/v1"),
)
# Id, name, MiB of memory, processors and GiB of disk: the sizes that DevStack and older Novas have.
_FLAVORS: Final = (
    ("1", "m1.tiny", 512, 1, 1),
    ("2", "m1.small", 2048, 1, 20),
    ("3", "m1.medium", 4096, 2, 40),
    ("4", "m1.large", 8192, 4, 80),
    ("5", "m1.xlarge", 16384, 8, 160),
)

_IDS_NEEDED: Final = 2 + len(_ROLES) + 1 + len(_SERVICES) * (1 + len(_INTERFACES))


class Bootstrap(Struct, frozen=True):
    """What the unit may not make itself: :func:`new_bootstrap` makes it."""

    password_hash: str
    identity_ids: tuple[str, ...]
    volume_type_id: str
    now_us: int


def new_bootstrap(seams: Seams, password_hash: str) -> Bootstrap:
    """The input for :func:`bootstrap`, with the hash of the administrator's password."""
    return Bootstrap(
        password_hash,
        tuple(seams.ids.identity_side() for _ in range(_IDS_NEEDED)),
        seams.ids.volume_side(),
        seams.clock.now_us(),
    )


def is_bootstrapped(txn: Txn) -> bool:
    """Query: whether anybody could log in: then this start hashes no password.

    Whoever renamed or removed the first administrator does not want him back.
    """
    return users.exist(txn)


def find_admin(txn: Txn) -> User | None:
    """Query: the administrator of a first start; None if he was renamed or removed."""
    return users.find_named(txn, DEFAULT_DOMAIN_ID, ADMIN)


def bootstrap(txn: Txn, new: Bootstrap) -> bool:
    """Unit: make what is missing; what exists stays as an administrator may have changed it.

    False, with nothing made, if another process has done it meanwhile.
    """
    if is_bootstrapped(txn):
        return False
    ids = iter(new.identity_ids)
    _make_admin(txn, ids, new)
    _make_catalog(txn, ids)
    _make_volume_type(txn, new)
    _make_flavors(txn)
    return True


def _make_admin(txn: Txn, ids: Iterator[str], new: Bootstrap) -> None:
    """Domain, project and user, the roles, and admin for the user on the project and the system."""
    domain_id = DEFAULT_DOMAIN_ID
    if domains.find(txn, domain_id) is None:
        text = "The default domain"
        domains.insert(txn, Domain(domain_id, "Default", text, enabled=True, created_at=new.now_us))
    project = projects.find_named(txn, domain_id, ADMIN)
    if project is None:
        text = "The administrators' project"
        project = Project(
            next(ids), domain_id, domain_id, ADMIN, text, enabled=True, created_at=new.now_us
        )
        projects.insert(txn, project)
    user = find_admin(txn)
    if user is None:
        user = User(
            id=next(ids),
            domain_id=domain_id,
            name=ADMIN,
            enabled=True,
            default_project_id=None,
            description=None,
            email=None,
            created_at=new.now_us,
        )
        users.insert(txn, user, new.password_hash)
    role_ids = [_make_role(txn, ids, name, new.now_us) for name in _ROLES]
    _make_role(txn, ids, _SERVICE_ROLE, new.now_us)
    for prior, implied in pairwise(role_ids):
        roles.imply(txn, prior, implied)
    assignments.insert(txn, Assignment("user", user.id, "project", project.id, role_ids[0]))
    assignments.insert(txn, Assignment("user", user.id, "system", SYSTEM_TARGET, role_ids[0]))


def _make_role(txn: Txn, ids: Iterator[str], name: str, now_us: int) -> str:
    """The id of the role of this name; a new one is immutable, as those of ``keystone-manage bootstrap``."""
    found = roles.select(txn, RoleQuery(name=name))
    if found:
        return found[0].id
    role = Role(next(ids), name, "", now_us, options={"immutable": True})
    roles.insert(txn, role)
    return role.id


def _make_catalog(txn: Txn, ids: Iterator[str]) -> None:
    """The region, and each service with its three endpoints."""
    regions.insert(txn, Region(REGION, "", None))
    for type_, name, url in _SERVICES:
        found = services.select(txn, ServiceQuery(type=type_))
        if found:
            service = found[0]
        else:
            service = Service(next(ids), type_, name, "", enabled=True)
            services.insert(txn, service)
        for interface in _INTERFACES:
            query = EndpointQuery(service_id=service.id, interface=interface, region_id=REGION)
            if not endpoints.select(txn, query):
                endpoint = Endpoint(next(ids), service.id, interface, REGION, url, enabled=True)
                endpoints.insert(txn, endpoint)


def _make_volume_type(txn: Txn, new: Bootstrap) -> None:
    try:
        volume_types.find(txn, DEFAULT_TYPE)
    except VolumeTypeNotFound:
        volume_type = VolumeType(
            id=new.volume_type_id,
            name=DEFAULT_TYPE,
            description="Default Volume Type",
            is_public=True,
            extra_specs={},
            created_at=new.now_us,
            updated_at=None,
        )
        volume_types.insert(txn, volume_type)


def _make_flavors(txn: Txn) -> None:
    """The classic five, unless the administrator has flavors of his own."""
    if flavors.exist(txn):
        return
    for id_, name, ram_mib, vcpus, disk_gib in _FLAVORS:
        flavor = Flavor(
            id=id_,
            name=name,
            description=None,
            ram_mib=ram_mib,
            vcpus=vcpus,
            disk_gib=disk_gib,
            ephemeral_gib=0,
            swap_mib=0,
            rxtx_factor=1.0,
            is_public=True,
            extra_specs={},
        )
        flavors.insert(txn, flavor)
