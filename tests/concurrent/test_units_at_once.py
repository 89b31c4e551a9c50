"""Units of two processes at once, on PostgreSQL at READ COMMITTED: neither decides on what the other changes.

The first unit has run and is not committed when the second begins. The second then either waits for a lock
of the first, or runs to its end beside it; either way the outcome must be that of one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec import UNSET

from pumice.context import Context
from pumice.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    InvalidState,
    NotFound,
    QuotaExceeded,
    VolumeNotFound,
    VolumeTypeNotFound,
)
from pumice.identity.keyring import make_key
from pumice.identity.sealing import seal, unseal
from pumice.model.flavor import Flavor
from pumice.model.identity import Domain, Project, User
from pumice.model.volume import Volume
from pumice.seams import SystemIds
from pumice.services import (
    default_types,
    flavors,
    keys,
    projects,
    quotas,
    users,
    volume_actions,
    volume_metadata,
    volume_types,
)
from pumice.services.idempotency import Answered, Once, new_attempt, new_replay, once_only
from pumice.services.projects import NewProject
from pumice.services.quotas import QuotaDefaults
from pumice.services.volume_types import TypeChanges, hold_volume_type
from pumice.services.volumes import Changes, update_volume
from pumice.store import domains, generations, kept_answers, token_keys, volumes
from pumice.store import flavors as flavor_rows
from pumice.store import projects as project_rows
from pumice.store import quotas as quota_rows
from pumice.store import users as user_rows
from pumice.store import volume_types as type_rows
from pumice.store.postgresql import schema
from pumice.store.txn import Parameters, Txn
from pumice.trace import Trace
from tests.concurrent.arena import WAIT_SECONDS, Arena, Unit, identity, plain
from tests.postgresql import Cluster
from tests.store.samples import NOW_US, TYPE, VOLUME, add_type, add_volume

LIMITS: Final = QuotaDefaults(10, 1000, -1)

ADMIN: Final = Context(
    request_id="req-1",
    global_request_id=None,
    user_id="u1",
    user_domain_id="default",
    scope="project",
    project_id="p1",
    domain_id=None,
    roles=frozenset({"admin"}),
    now_us=NOW_US,
    trace=Trace("req-1", "test", NOW_US),
)


@pytest.fixture(scope="module")
def database(postgresql_server: Cluster) -> str:
    """One database for all of them: to make one takes longer than a test."""
    url = postgresql_server.create_database("units_at_once")
    schema.create(url)
    return url


@pytest.fixture
def arena(database: str) -> Iterator[Arena]:
    arena = Arena(database)
    yield arena
    arena.do(_empty)
    arena.close()


_KEPT: Final = frozenset({"alembic_version", "compatibility", "generations"})


def _empty(txn: Txn) -> None:
    """Remove every row but those of a new database."""
    tables = {
        row[0] for row in txn.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    txn.change(f"TRUNCATE {', '.join(tables - _KEPT)}", {})
    txn.change("UPDATE generations SET value = 0", {})


# --- Volumes -----------------------------------------------------------------------------------


@pytest.fixture
def volume(arena: Arena) -> str:
    """The id of a volume of the type gold."""

    def add(txn: Txn) -> str:
        add_type(txn)
        return add_volume(txn).id

    found: str = arena.do(add)
    return found


def shown(arena: Arena, volume_id: str) -> Any:
    return arena.do(plain(volumes.get, volume_id))


def test_two_who_add_metadata_both_do(arena: Arena, volume: str) -> None:
    def merge(**items: str) -> Unit:
        return plain(volume_metadata.merge_metadata, ADMIN, volume, items)

    arena.race(merge(a="1"), merge(b="2"))
    assert shown(arena, volume).metadata == '{"a":"1","b":"2"}'
    rows = arena.do(lambda txn: txn.all("SELECT key, value FROM volume_metadata ORDER BY key"))
    assert rows == [("a", "1"), ("b", "2")]


def test_two_who_replace_metadata_leave_none_of_the_first(arena: Arena, volume: str) -> None:
    def replace(**items: str) -> Unit:
        return plain(update_volume, ADMIN, volume, Changes(metadata=items))

    arena.race(replace(a="1"), replace(b="2"))
    assert shown(arena, volume).metadata == '{"b":"2"}'
    rows = arena.do(lambda txn: txn.all("SELECT key FROM volume_metadata"))
    assert rows == [("b",)]


def test_two_who_add_an_image_s_metadata_both_do(arena: Arena, volume: str) -> None:
    def merge(**items: str) -> Unit:
        return plain(volume_metadata.merge_image_metadata, ADMIN, volume, items)

    arena.race(merge(a="1"), merge(b="2"))
    assert shown(arena, volume).image_metadata == '{"a":"1","b":"2"}'


def test_an_if_match_is_asked_of_what_is_there_then(arena: Arena, volume: str) -> None:
    tags = {volume_metadata.etag("{}")}

    def merge(**items: str) -> Unit:
        return plain(volume_metadata.merge_metadata, ADMIN, volume, items, tags)

    _, second = arena.race(merge(a="1"), merge(b="2"))
    assert type(second).__name__ == "Outdated"
    assert shown(arena, volume).metadata == '{"a":"1"}'


def test_a_volume_that_is_being_deleted_is_not_changed(arena: Arena, volume: str) -> None:
    begin = plain(volumes.transition, volume, "delete_started", NOW_US)
    _, second = arena.race(begin, plain(volume_actions.set_readonly, ADMIN, volume, True))
    assert isinstance(second, InvalidState)


def test_a_status_is_not_reset_under_an_operation(arena: Arena, volume: str) -> None:
    def begin(txn: Txn) -> None:
        volumes.transition(txn, volume, "delete_started", NOW_US)
        txn.change(_OPERATION, {"id": "o1", "volume": volume})

    wanted = volume_actions.Statuses("available", None, None)
    _, second = arena.race(begin, plain(volume_actions.reset_status, ADMIN, volume, wanted))
    assert isinstance(second, InvalidState)
    assert shown(arena, volume).status == "deleting"


_OPERATION: Final = """
INSERT INTO operations (id, name, version, params, status, attempt, project_id, user_id, resource_type,
    resource_id, step, lease_until, fence, run_after, request_id, created_at, updated_at)
VALUES (:id, 'volume.delete', 1, '{}', 'running', 1, 'p1', 'u1', 'volume', :volume, '', 0, 1, 0, 'r', 1, 1)
"""


# --- Types -------------------------------------------------------------------------------------


def create(txn: Txn) -> None:
    """What a create does with its type: holds it, compares, inserts."""
    if hold_volume_type(txn, ADMIN, TYPE.id) != TYPE:
        raise InvalidState("The type is another by now.")
    add_volume(txn)


@pytest.mark.parametrize(
    "change",
    [
        plain(volume_types.set_extra_specs, ADMIN, TYPE.id, {"a": "b"}),
        plain(volume_types.delete_volume_type, ADMIN, TYPE.id, "other"),
    ],
    ids=["specs", "delete"],
)
class TestATypeThatIsJustUsed:
    @pytest.fixture(autouse=True)
    def types(self, arena: Arena) -> None:
        arena.do(lambda txn: [add_type(txn), add_type(txn, id="type-2", name="silver")])

    def test_is_not_changed(self, arena: Arena, change: Unit) -> None:
        _, second = arena.race(create, change)
        assert isinstance(second, InvalidInput)

    def test_or_not_used(self, arena: Arena, change: Unit) -> None:
        _, second = arena.race(change, create)
        assert isinstance(second, InvalidState | VolumeTypeNotFound)


def test_two_volumes_of_a_type_wait_for_nobody(arena: Arena) -> None:
    arena.do(add_type)
    arena.first.begin(create)
    arena.second.raw.execute("SET lock_timeout = 1")
    arena.second.run(plain(type_rows.hold, TYPE.id))
    assert arena.second.outcome == TYPE
    arena.first.commit()


def test_two_who_change_a_type_both_do(arena: Arena) -> None:
    arena.do(add_type)

    def change(name: str | None, description: str | None) -> Unit:
        changes = TypeChanges(name, description, None)
        return plain(volume_types.update_volume_type, ADMIN, TYPE.id, changes)

    arena.race(change("new", None), change(None, "text"))
    found = arena.do(plain(type_rows.find, TYPE.id))
    assert (found.name, found.description) == ("new", "text")


def test_two_who_add_specs_both_do(arena: Arena) -> None:
    arena.do(add_type)
    arena.race(
        plain(volume_types.set_extra_specs, ADMIN, TYPE.id, {"a": "1"}),
        plain(volume_types.set_extra_specs, ADMIN, TYPE.id, {"b": "2"}),
    )
    assert arena.do(plain(type_rows.find, TYPE.id)).extra_specs == {"a": "1", "b": "2"}


def test_of_two_who_remove_the_last_types_one_is_refused(arena: Arena) -> None:
    arena.do(lambda txn: [add_type(txn), add_type(txn, id="type-2", name="silver")])
    _, second = arena.race(
        plain(volume_types.delete_volume_type, ADMIN, "type-2", "other"),
        plain(volume_types.delete_volume_type, ADMIN, TYPE.id, "other"),
    )
    assert isinstance(second, InvalidInput)


def test_of_two_who_take_a_name_one_is_refused(arena: Arena) -> None:
    arena.do(lambda txn: [add_type(txn), add_type(txn, id="type-2", name="silver")])
    changes = TypeChanges("platinum", None, None)
    _, second = arena.race(
        plain(volume_types.update_volume_type, ADMIN, TYPE.id, changes),
        plain(volume_types.update_volume_type, ADMIN, "type-2", changes),
    )
    assert isinstance(second, Conflict)


# --- Quotas ------------------------------------------------------------------------------------


def take(size_gib: int = 1) -> Unit:
    return plain(quotas.take_volume, "p1", TYPE.id, TYPE.name, size_gib, LIMITS)


def limit(**wanted: int) -> Unit:
    return plain(quotas.update_quota, ADMIN, "p1", wanted, LIMITS)


@pytest.mark.parametrize("used", [0, 1])
class TestALimitAndWhatIsUsed:
    @pytest.fixture(autouse=True)
    def rows(self, arena: Arena, used: int) -> None:
        arena.do(add_type)
        for _ in range(used):
            arena.do(take())

    def test_no_limit_is_set_below_what_is_just_taken(self, arena: Arena, used: int) -> None:
        _, second = arena.race(take(), limit(volumes=used))
        assert isinstance(second, InvalidInput)

    def test_nothing_is_taken_beyond_what_is_just_set(self, arena: Arena, used: int) -> None:
        _, second = arena.race(limit(volumes=used), take())
        assert isinstance(second, QuotaExceeded)

    def test_two_do_not_both_take_the_last(self, arena: Arena, used: int) -> None:
        arena.do(limit(volumes=used + 1))
        _, second = arena.race(take(), take())
        assert isinstance(second, QuotaExceeded)

    def test_of_two_who_count_both_are_counted(self, arena: Arena, used: int) -> None:
        arena.race(take(3), take(4))
        found = arena.do(plain(quota_rows.usages, "p1"))
        assert (found["volumes"], found["gigabytes"]) == (used + 2, used + 7)


# --- Flavors, and what is a project's -------------------------------------------------------------

FLAVOR: Final = Flavor("f1", "tiny", None, 1, 1, 1, 0, 0, 1.0, is_public=False, extra_specs={})


@pytest.fixture
def flavor(arena: Arena) -> None:
    arena.do(plain(flavor_rows.insert, FLAVOR))


@pytest.mark.usefixtures("flavor")
def test_two_who_add_specs_to_a_flavor_both_do(arena: Arena) -> None:
    arena.race(
        plain(flavors.set_extra_specs, ADMIN, "f1", {"a": "1"}),
        plain(flavors.set_extra_specs, ADMIN, "f1", {"b": "2"}),
    )
    assert arena.do(plain(flavors.find_flavor, ADMIN, "f1")).extra_specs == {"a": "1", "b": "2"}


@pytest.mark.usefixtures("flavor")
def test_a_flavor_keeps_its_specs_while_it_is_described(arena: Arena) -> None:
    arena.race(
        plain(flavors.set_extra_specs, ADMIN, "f1", {"a": "1"}),
        plain(flavors.describe_flavor, ADMIN, "f1", "text"),
    )
    found = arena.do(plain(flavors.find_flavor, ADMIN, "f1"))
    assert (found.description, found.extra_specs) == ("text", {"a": "1"})


def new_project(id_: str, parent_id: str | None = None) -> NewProject:
    return NewProject(id_, f"name of {id_}", "default", parent_id, "", True, False, (), {}, {})


@pytest.fixture
def project(arena: Arena) -> str:
    """The id of a project in the domain ``default``, where ``ada`` is, too."""

    def add(txn: Txn) -> None:
        domains.insert(txn, Domain("default", "Default", "", True, NOW_US))
        project = Project("p1", "default", "default", "one", "", True, NOW_US)
        project_rows.insert(txn, project)
        ada = User("ada", "default", "ada", True, None, None, None, NOW_US)
        user_rows.insert(txn, ada, "hash")

    arena.do(add)
    return "p1"


GRANTS: Final = {
    "a flavor": ("flavor_access", plain(flavors.grant_access, ADMIN, "f1", "p1", True)),
    "a default type": ("default_types", plain(default_types.set_default_type, ADMIN, "p1", "gold")),
}


def rows_of(arena: Arena, table: str) -> Any:
    return arena.do(lambda txn: txn.all(f"TABLE {table}"))


@pytest.mark.usefixtures("flavor", "project")
@pytest.mark.parametrize(("table", "grant"), GRANTS.values(), ids=GRANTS)
class TestWhatIsOfAProjectThatGoes:
    def test_goes_with_it(self, arena: Arena, table: str, grant: Unit) -> None:
        arena.do(add_type)
        arena.race(grant, identity(projects.delete_project, ADMIN, "p1"))
        assert rows_of(arena, table) == []

    def test_also_with_its_domain(self, arena: Arena, table: str, grant: Unit) -> None:
        arena.do(add_type)
        arena.do(lambda txn: txn.change("UPDATE domains SET enabled = FALSE", {}))
        arena.race(grant, identity(projects.delete_project, ADMIN, "default"))
        assert rows_of(arena, table) == []

    def test_or_is_not_given(self, arena: Arena, table: str, grant: Unit) -> None:
        arena.do(add_type)
        _, second = arena.race(identity(projects.delete_project, ADMIN, "p1"), grant)
        assert isinstance(second, NotFound | InvalidInput)
        assert rows_of(arena, table) == []


# --- Identity ----------------------------------------------------------------------------------


def test_two_changes_of_a_user_are_both_made(arena: Arena, project: str) -> None:
    del project

    def change(**changes: Any) -> Unit:
        return identity(users.update_user, ADMIN, "ada", changes, UNSET, None)

    arena.race(change(email="a@b"), change(description="text"))
    found = arena.do(plain(user_rows.get, "ada"))
    assert (found.email, found.description) == ("a@b", "text")
    assert arena.do(generations.identity) == 2


def test_nothing_is_made_below_a_project_that_goes(arena: Arena, project: str) -> None:
    below = identity(projects.create_project, ADMIN, new_project("p2", project))
    _, second = arena.race(identity(projects.delete_project, ADMIN, project), below)
    assert isinstance(second, InvalidInput)


def test_a_project_does_not_go_from_above_a_new_one(arena: Arena, project: str) -> None:
    below = identity(projects.create_project, ADMIN, new_project("p2", project))
    _, second = arena.race(below, identity(projects.delete_project, ADMIN, project))
    assert isinstance(second, Forbidden)


def test_two_tags_are_both_given(arena: Arena, project: str) -> None:
    arena.race(
        identity(projects.add_tag, ADMIN, project, "a"),
        identity(projects.add_tag, ADMIN, project, "b"),
    )
    assert set(arena.do(plain(project_rows.get, project)).tags) == {"a", "b"}


def test_two_rotations_are_one_after_the_other(arena: Arena) -> None:
    ids = SystemIds()
    sealing_key = make_key(ids)
    first = {0: make_key(ids), 1: make_key(ids)}
    arena.do(plain(token_keys.replace, seal(first, sealing_key)))
    numbers = arena.race(
        *(identity(keys.rotate_sealed, sealing_key, make_key(ids)) for _ in range(2))
    )
    assert numbers == ((0, 1, 2), (0, 2, 3))
    assert unseal(arena.do(token_keys.select), sealing_key)[2] == first[0]


def test_of_two_who_make_the_first_keys_one_does(arena: Arena) -> None:
    arena.race(*(identity(keys._make_first, {0: text}) for text in ("first", "second")))
    assert arena.do(token_keys.select) == {0: "first"}


# --- Idempotency -------------------------------------------------------------------------------


def keyed(attempt: Any) -> Unit:
    """A create under a key; its answer is the volume's id."""
    once: Once[Volume] = Once(attempt, 202, lambda made: made.id.encode())
    return once_only(once, lambda txn: add_volume(txn, id=SystemIds().volume_side()))


ATTEMPTS: Final = {
    "a key": new_attempt(ADMIN, "/volumes", "key", b"body"),
    "a replay": new_replay(ADMIN, "/volumes", b"body", 60),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
class TestTwins:
    @pytest.fixture(autouse=True)
    def types(self, arena: Arena) -> None:
        arena.do(add_type)

    def check(self, arena: Arena, attempt: Any) -> None:
        first, second = arena.race(keyed(attempt), keyed(attempt))
        assert isinstance(second, Answered)
        rows = arena.do(lambda txn: txn.all("SELECT id FROM volumes"))
        assert rows == [(first.id,)]
        kept = arena.do(plain(kept_answers.find, attempt.key, NOW_US))
        assert (kept.resource_id, kept.answer) == (first.id, first.id)

    def test_make_one_thing(self, arena: Arena, attempt: Any) -> None:
        self.check(arena, attempt)

    def test_also_of_a_key_that_counts_no_more(self, arena: Arena, attempt: Any) -> None:
        old = {"expires_at": attempt.now_us, "body_hash": "old"}
        arena.do(lambda txn: kept_answers.claim(txn, attempt.key, "old", 1, old["expires_at"]))
        self.check(arena, attempt)

    def test_a_key_that_is_just_taken_again_is_not_forgotten(
        self, arena: Arena, attempt: Any
    ) -> None:
        arena.do(lambda txn: kept_answers.claim(txn, attempt.key, "old", 1, attempt.now_us))
        arena.race(keyed(attempt), plain(kept_answers.prune, attempt.now_us, 100))
        assert arena.do(plain(kept_answers.find, attempt.key, NOW_US)) is not None

    def test_whose_first_is_undone_the_second_is_the_first(
        self, arena: Arena, attempt: Any
    ) -> None:
        def failing(txn: Txn) -> None:
            keyed(attempt)(txn)
            raise VolumeNotFound("v1")

        first, second = arena.race(failing, keyed(attempt))
        assert isinstance(first, VolumeNotFound)
        assert second.name == VOLUME.name

    def test_who_has_just_looked_at_the_old_key_looks_again(
        self, arena: Arena, attempt: Any
    ) -> None:
        arena.do(lambda txn: kept_answers.claim(txn, attempt.key, "old", 1, attempt.now_us))
        looked, go_on = threading.Event(), threading.Event()

        class Pausing(Txn):
            def change(self, sql: str, parameters: Parameters) -> int:
                changed = super().change(sql, parameters)
                if not looked.is_set():
                    looked.set()
                    assert go_on.wait(WAIT_SECONDS)
                return changed

        def second(txn: Txn) -> Any:
            return keyed(attempt)(Pausing(txn._connection, txn.engine))

        def first(txn: Txn) -> Any:
            made = keyed(attempt)(txn)
            go_on.set()
            return made

        beside = threading.Thread(target=arena.second.run, args=(second,))
        beside.start()
        assert looked.wait(WAIT_SECONDS)
        arena.first.begin(first)
        arena.await_second(beside)
        arena.first.commit()
        beside.join(WAIT_SECONDS)
        assert isinstance(arena.second.outcome, Answered)
