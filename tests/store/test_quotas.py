"""Quota counters against a model: no sequence of takes and returns drifts or passes a limit."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import ExitStack
from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import asdict

from pumice.errors import QuotaExceeded
from pumice.services.quotas import QuotaDefaults, take_volume
from pumice.store import quota_classes, quotas
from pumice.store.quotas import UNLIMITED, subtract_volume
from pumice.store.txn import Txn
from tests.store.conftest import Reconnect, Transaction

PROJECTS: Final = ("p1", "p2")
TYPES: Final = ("t1", "t2")
RESOURCES: Final = ("volumes", "gigabytes", "volumes:t1", "gigabytes:t2", "per_volume_gigabytes")
DEFAULTS: Final = QuotaDefaults(volumes=4, gigabytes=20, per_volume_gigabytes=15)

projects = st.sampled_from(PROJECTS)
resources = st.sampled_from(RESOURCES)
limits = st.sampled_from([UNLIMITED, 0, 1, 2, 5, 10, 30])


def counters(type_id: str, size_gib: int) -> dict[str, int]:
    """What a volume adds to each counter, in the order they are taken."""
    return {
        "volumes": 1,
        "gigabytes": size_gib,
        f"volumes:{type_id}": 1,
        f"gigabytes:{type_id}": size_gib,
    }


class QuotaMachine(RuleBasedStateMachine):
    """Volumes taken and given back in any order, limits that change meanwhile, also the default ones."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__()
        self.end = ExitStack()
        self.txn = self.end.enter_context(transaction())
        self.used: dict[str, Counter[str]] = {project: Counter() for project in PROJECTS}
        self.limits: dict[str, dict[str, int]] = {project: {} for project in PROJECTS}
        self.class_limits: dict[str, int] = {}
        self.volumes: list[tuple[str, str, int]] = []

    @rule(project=projects, type_id=st.sampled_from(TYPES), size_gib=st.integers(1, 18))
    def take(self, project: str, type_id: str, size_gib: int) -> None:
        over = self._first_over(project, type_id, size_gib)
        if over:
            with pytest.raises(QuotaExceeded, match=over):
                self._take(project, type_id, size_gib)
        else:
            self._take(project, type_id, size_gib)
            self.used[project].update(counters(type_id, size_gib))
            self.volumes.append((project, type_id, size_gib))

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        if self.volumes:
            number = data.draw(st.integers(0, len(self.volumes) - 1))
            project, type_id, size_gib = self.volumes.pop(number)
            subtract_volume(self.txn, project, type_id, size_gib)
            self.used[project].subtract(counters(type_id, size_gib))

    @rule(project=projects, resource=resources, limit=limits)
    def set_limit(self, project: str, resource: str, limit: int) -> None:
        quotas.set_limit(self.txn, project, resource, limit)
        self.limits[project][resource] = limit

    @rule(resource=resources, limit=limits)
    def set_default_limit(self, resource: str, limit: int) -> None:
        quota_classes.set_limit(self.txn, quota_classes.DEFAULT, resource, limit)
        self.class_limits[resource] = limit

    @rule(resource=resources, limit=limits)
    def set_limit_of_another_class(self, resource: str, limit: int) -> None:
        quota_classes.set_limit(self.txn, "gold", resource, limit)

    @rule(project=projects)
    def delete_limits(self, project: str) -> None:
        quotas.delete_limits(self.txn, project)
        self.limits[project] = {}

    @invariant()
    def counters_are_what_is_there(self) -> None:
        for project in PROJECTS:
            found = quotas.usages(self.txn, project)
            assert Counter(found) == self.used[project]
            assert all(amount >= 0 for amount in found.values())
            assert quotas.limits(self.txn, project) == self.class_limits | self.limits[project]

    def teardown(self) -> None:
        self.end.close()

    def _take(self, project: str, type_id: str, size_gib: int) -> None:
        with self.txn.savepoint():
            take_volume(self.txn, project, type_id, f"name of {type_id}", size_gib, DEFAULTS)

    def _first_over(self, project: str, type_id: str, size_gib: int) -> str | None:
        """The word that the refusal must hold, or None if the volume fits."""
        limits = asdict(DEFAULTS) | self.class_limits | self.limits[project]
        if 0 <= limits["per_volume_gigabytes"] < size_gib:
            return f"{size_gib}G"
        for resource, amount in counters(type_id, size_gib).items():
            limit = limits.get(resource, UNLIMITED)
            if 0 <= limit < self.used[project][resource] + amount:
                return resource.replace(":", "_name of ")
        return None


def test_no_sequence_drifts_or_passes_a_limit(transaction: Transaction) -> None:
    class OnEngine(QuotaMachine):
        def __init__(self) -> None:
            super().__init__(transaction)

    run_state_machine_as_test(OnEngine)


@pytest.mark.parametrize(
    ("in_use", "amount", "limit", "counted"),
    [
        (0, 5, 5, True),
        (0, 6, 5, False),
        (3, 2, 5, True),
        (3, 3, 5, False),
        (0, 1, 0, False),
        (7, 1, 5, False),  # The limit was lowered below what is used.
        (7, 1000, UNLIMITED, True),
    ],
)
def test_a_limit_is_reached_but_not_passed(
    txn: Txn, in_use: int, amount: int, limit: int, counted: bool
) -> None:
    if in_use:
        assert quotas.add(txn, "p1", "volumes", in_use, UNLIMITED)
    assert quotas.add(txn, "p1", "volumes", amount, limit) is counted
    assert quotas.usages(txn, "p1").get("volumes", 0) == in_use + amount * counted


def test_projects_are_counted_apart(txn: Txn) -> None:
    quotas.add(txn, "p1", "volumes", 2, UNLIMITED)
    quotas.add(txn, "p2", "volumes", 3, UNLIMITED)
    quotas.subtract(txn, "p2", "volumes", 1)
    assert (quotas.usages(txn, "p1"), quotas.usages(txn, "p2")) == ({"volumes": 2}, {"volumes": 2})
    assert quotas.usages(txn, "p3") == {}


def test_two_who_want_the_last_one_do_not_both_get_it(reconnect: Reconnect) -> None:
    """The condition is in the statement: what another connection committed meanwhile counts."""
    assert quotas.add(reconnect(), "p1", "volumes", 1, 1)
    assert not quotas.add(reconnect(), "p1", "volumes", 1, 1)


def test_nothing_is_written_when_nothing_is_counted(txn: Txn) -> None:
    assert not quotas.add(txn, "p1", "volumes", 2, 1)
    assert txn.all("SELECT resource, in_use FROM quota_usages") == []


def test_what_a_create_must_know_of_limits_is_one_statement(connection: sqlite3.Connection) -> None:
    quota_classes.set_limit(Txn(connection), quota_classes.DEFAULT, "volumes", 3)
    quotas.set_limit(Txn(connection), "p1", "gigabytes", 4)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    assert quotas.limits(Txn(connection), "p1") == {"volumes": 3, "gigabytes": 4}
    connection.set_trace_callback(None)
    (statement,) = statements
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert not any(line.startswith("SCAN quota") for line in plan), plan


def test_a_forgotten_type_leaves_the_others_alone(txn: Txn) -> None:
    for type_id in ("t1", "t2"):
        quotas.set_limit(txn, "p1", f"snapshots:{type_id}", 1)
        quotas.add(txn, "p1", f"volumes:{type_id}", 1, UNLIMITED)
        quota_classes.set_limit(txn, "gold", f"gigabytes:{type_id}", 1)
    quotas.forget_type(txn, "t1")
    assert quotas.limits(txn, "p1") == {"snapshots:t2": 1}
    assert quotas.usages(txn, "p1") == {"volumes:t2": 1}
    assert quota_classes.limits(txn, "gold") == {"gigabytes:t2": 1}
