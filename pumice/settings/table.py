"""The options: one field each, with its type, range, help text and default.

Reading and checking ``pumice.conf``, ``pumice config show``, the first ``pumice.conf`` and the
documentation come from these classes.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from pumice.settings.connection import without_password

MAX_INT: Final = 2**31 - 1
_CENTURY_SECONDS: Final = 100 * 365 * 86_400

# The types of values. ``title`` is what an error says was expected.
Name = Annotated[
    str,
    Meta(
        title="a name of letters, digits, '.', '_' and '-'",
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z",
    ),
]
Text = Annotated[str, Meta(title="a text of 1 to 255 characters", min_length=1, max_length=255)]
Url = Annotated[
    str,
    Meta(
        title="an http or https URL without a slash at its end",
        pattern=r"\Ahttps?://[^\s/?#]+(/[^\s/?#]+)*\Z",
    ),
]
Seconds = Annotated[int, Meta(ge=1, le=_CENTURY_SECONDS)]
Count = Annotated[int, Meta(ge=1, le=MAX_INT)]
Limit = Annotated[int, Meta(ge=-1, le=MAX_INT)]
Percentage = Annotated[int, Meta(ge=0, le=100)]
Ratio = Annotated[float, Meta(ge=1)]


class BackendDefaults(Struct, frozen=True, kw_only=True):
    """What a backend's section may set for itself; unless it does, ``[DEFAULT]``'s value holds."""

    max_over_subscription_ratio: Annotated[
        Ratio, Meta(description="How many times its capacity a thin backend may promise.")
    ] = 20.0
    reserved_percentage: Annotated[
        Percentage, Meta(description="Percentage of a backend's capacity that is never given away.")
    ] = 0
    backend_slots: Annotated[
        int, Meta(description="How many driver calls one backend runs at a time.", ge=1, le=1024)
    ] = 8
    driver_deadline_seconds: Annotated[
        Seconds, Meta(description="Seconds after which the outcome of a driver call is unknown.")
    ] = 300


class Settings(BackendDefaults, frozen=True, kw_only=True):
    """The options of ``[DEFAULT]``; Cinder's or Keystone's names where the meaning is the same."""

    enabled_backends: Annotated[
        tuple[Name, ...], Meta(description="The backends: names of sections below.", min_length=1)
    ] = ("file",)
    default_volume_type: Annotated[
        Text, Meta(description="Volume type of a volume that asks for none.")
    ] = "__DEFAULT__"
    storage_availability_zone: Annotated[
        Text, Meta(description="Availability zone of a backend that names none.")
    ] = "nova"
    allow_availability_zone_fallback: Annotated[
        bool,
        Meta(description="Take storage_availability_zone for a zone that nobody serves."),
    ] = False
    scheduler_driver: Annotated[
        Literal["filter", "chance", "simple"],
        Meta(description="How a backend is chosen; simple: the least allocated GiB that fits."),
    ] = "filter"
    scheduler_default_filters: Annotated[
        tuple[Name, ...], Meta(description="Filters that a backend must pass, in this order.")
    ] = ("AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter")
    scheduler_default_weighers: Annotated[
        tuple[Name, ...], Meta(description="Weighers that order the backends that passed.")
    ] = ("CapacityWeigher",)
    capacity_weight_multiplier: Annotated[
        float,
        Meta(description="How much free room counts; below 0: fill one backend after the other."),
    ] = 1.0
    scheduler_max_attempts: Annotated[
        Count, Meta(description="How many backends a create tries before it fails.")
    ] = 3
    quota_volumes: Annotated[
        Limit, Meta(description="Volumes that a project may have; -1: no limit.")
    ] = 10
    quota_gigabytes: Annotated[
        Limit, Meta(description="GiB that a project's volumes may have together; -1: no limit.")
    ] = 1000
    per_volume_size_limit: Annotated[
        Limit, Meta(description="GiB that one volume may have; -1: no limit.")
    ] = -1
    policy_file: Annotated[
        Text,
        Meta(description="Rules of who may do what, in the state directory; it may be absent."),
    ] = "policy.yaml"
    osapi_max_limit: Annotated[Count, Meta(description="Most items on one page of a list.")] = 1000
    max_request_body_size: Annotated[
        int, Meta(description="Most bytes in a request's body.", ge=1024, le=MAX_INT)
    ] = 114_688
    public_endpoint: Annotated[
        Url | None, Meta(description="Base URL in links and catalog; unset: what the client used.")
    ] = None
    token_expiration_seconds: Annotated[
        Seconds, Meta(description="Seconds for which a token is valid.")
    ] = 3600
    password_hash_rounds: Annotated[
        int, Meta(description="Cost of a new password's bcrypt hash, as a power of 2.", ge=4, le=31)
    ] = 12
    report_interval: Annotated[
        Seconds, Meta(description="Seconds between two heartbeats of a process.")
    ] = 10
    service_down_time: Annotated[
        Seconds, Meta(description="Seconds without a heartbeat after which a service is down.")
    ] = 60
    backend_stats_polling_interval: Annotated[
        Seconds, Meta(description="Seconds between two looks at a backend's capacity and health.")
    ] = 60
    lease_seconds: Annotated[
        Seconds, Meta(description="Seconds for which a claim on an operation holds unless renewed.")
    ] = 60
    operation_retention_seconds: Annotated[
        Seconds, Meta(description="Seconds for which a finished operation can be looked up.")
    ] = 30 * 86_400
    replay_detection_seconds: Annotated[
        int,
        Meta(
            description="Seconds in which the same create of a named volume is a repeat; 0: never.",
            ge=0,
            le=86_400,
        ),
    ] = 0
    host: Annotated[
        Name, Meta(description="First part of host@backend#pool; keep it once volumes exist.")
    ] = "pumice"
    debug: Annotated[bool, Meta(description="Log what only a developer wants to read.")] = False


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """The options of ``[database]``."""

    connection: Annotated[
        str | None,
        Meta(description="URL of a PostgreSQL database; unset: SQLite in the state directory."),
    ] = None
    key_file: Annotated[
        Text, Meta(description="What seals the token keys in PostgreSQL; the same on each host.")
    ] = "keys/database.key"

    def __repr__(self) -> str:
        shown = None if self.connection is None else without_password(self.connection)
        return f"DatabaseSettings(connection={shown!r}, key_file={self.key_file!r})"


class BackendSettings(BackendDefaults, frozen=True, kw_only=True):
    """One backend: the common options of its section, each with its effective value.

    ``name`` is the section's name. ``driver_options`` are the section's other options, as texts;
    the driver checks them.
    """

    name: str
    driver_options: dict[str, str] = {}
    volume_driver: Annotated[
        Name, Meta(description="What keeps the bytes: file, memory or an installed driver.")
    ]
    volume_backend_name: Annotated[
        Text, Meta(description="Name that extra specs ask for; unset: the section's.")
    ]
    backend_availability_zone: Annotated[
        Text, Meta(description="Availability zone; unset: storage_availability_zone.")
    ]
    backend_host: Annotated[
        Name | None,
        Meta(description="Instead of [DEFAULT]'s host; one name for hosts that share a backend."),
    ] = None
