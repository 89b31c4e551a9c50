"""Capacity of pools: claimed while the ceiling allows it, and given back whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.store import backends, pools
from pumice.store.backends import ProcessRecord
from pumice.store.txn import Txn
from tests.store.conftest import Transaction
from tests.store.samples import BACKEND, NOW_US, POOL, add_pool


@pytest.mark.parametrize(
    ("allocated", "size", "ceiling", "after"),
    [
        (0, 5, None, (5, 1)),
        (0, 5, 5.0, (5, 1)),
        (0, 5, 4.9, None),
        (3, 2, 5.0, (5, 2)),
        (3, 2, 4.5, None),
        (3, 1, 0.0, None),
    ],
)
def test_a_claim_fills_up_to_the_ceiling(
    txn: Txn, allocated: int, size: int, ceiling: float | None, after: tuple[int, int] | None
) -> None:
    add_pool(txn, POOL)
    if allocated:
        pools.claim(txn, POOL, allocated, None)
    assert pools.claim(txn, POOL, size, ceiling) == after
    expected = after or (allocated, int(allocated > 0))
    assert pools.register(txn, POOL, BACKEND) == expected


def test_a_pool_that_nobody_registered_gives_nothing(txn: Txn) -> None:
    assert pools.claim(txn, POOL, 1, None) is None
    assert pools.release(txn, POOL, 1) == (0, 0)
    assert pools.register(txn, POOL, BACKEND) == (0, 0)


@pytest.mark.parametrize(("enabled", "frozen"), [(False, False), (True, True)])
def test_a_backend_that_an_administrator_closed_gives_nothing(
    txn: Txn, enabled: bool, frozen: bool
) -> None:
    add_pool(txn, POOL)
    backends.set_enabled(txn, BACKEND, enabled=enabled, disabled_reason=None)
    backends.set_frozen(txn, BACKEND, frozen=frozen)
    assert pools.claim(txn, POOL, 1, None) is None


def test_a_report_is_up_while_one_who_serves_it_finds_it_so(txn: Txn) -> None:
    add_pool(txn, POOL)
    assert pools.reported(txn, 0) == []
    pools.report(txn, POOL, "{}")
    for id_, heartbeat_at, up in (("a", 10, True), ("b", 20, False)):
        backends.beat(txn, ProcessRecord(id_, "node1", 1, 1, heartbeat_at, "volume"))
        backends.serve(txn, BACKEND, id_, up=up, reason="", updated_at=NOW_US)
    assert [one.up for one in pools.reported(txn, 10)] == [True]
    assert [one.up for one in pools.reported(txn, 11)] == [False]
    (found,) = pools.reported(txn, 0)
    assert (found.host, found.report, found.enabled, found.frozen) == (POOL, "{}", True, False)
    pools.forget_reports(txn, BACKEND)
    assert pools.reported(txn, 0) == []


def test_registering_again_keeps_what_is_allocated(txn: Txn) -> None:
    add_pool(txn, POOL)
    assert pools.register(txn, POOL, BACKEND) == (0, 0)
    pools.claim(txn, POOL, 3, None)
    assert pools.register(txn, POOL, BACKEND) == (3, 1)


def test_pools_are_counted_apart(txn: Txn) -> None:
    other = f"{BACKEND}#other"
    for host in (POOL, other):
        add_pool(txn, host)
    pools.claim(txn, POOL, 3, None)
    pools.claim(txn, other, 4, None)
    assert pools.release(txn, other, 4) == (0, 0)
    assert pools.register(txn, POOL, BACKEND) == (3, 1)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30), st.integers(0, 30))
def test_claims_and_releases_add_up(
    transaction: Transaction, steps: list[tuple[int, bool]], ceiling: int
) -> None:
    with transaction() as txn:
        add_pool(txn, POOL)
        held: list[int] = []
        for size, claim in steps:
            if claim:
                fits = sum(held) + size <= ceiling
                held += [size] * fits
                found = pools.claim(txn, POOL, size, float(ceiling))
                assert found == ((sum(held), len(held)) if fits else None)
            elif held:
                assert pools.release(txn, POOL, held.pop()) == (sum(held), len(held))
        assert pools.register(txn, POOL, BACKEND) == (sum(held), len(held))
