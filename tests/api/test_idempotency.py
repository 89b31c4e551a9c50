"""``Idempotency-Key``: what is repeated is answered again, and made once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.errors import Unavailable
from pumice.store import kept_answers
from pumice.store.txn import Txn
from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, Caller, Cloud, running
from tests.api.deployment import Deployment

VOLUMES: Final = "/volume/v3/volumes"
BODY: Final = {"volume": {"size": 1, "name": "once"}}


async def create(who: Caller, key: str | None, body: Any = BODY, path: str = VOLUMES) -> Reply:
    """A create under ``key``."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await who.request("POST", path, body, headers=headers)


async def count(cloud: Cloud, table: str = "volumes") -> int:
    """The rows of a table."""
    return await cloud.process.store.read(
        lambda txn: len(txn.all(f"SELECT 1 FROM {table}"))  # noqa: S608 - the test's own names
    )


def is_replayed(reply: Reply) -> bool:
    return reply.headers.get("idempotency-replayed") == "true"


async def test_a_repeat_is_answered_as_the_first(cloud: Cloud) -> None:
    first = await create(cloud.member, "k")
    await cloud.settled()
    again = await create(cloud.member, "k")
    assert (first.status, again.status) == (202, 202)
    assert again.json == first.json
    assert first.json["volume"]["status"] == "creating"
    assert (is_replayed(first), is_replayed(again)) == (False, True)
    assert await count(cloud) == 1
    assert await count(cloud, "operations") == 1


@pytest.mark.everywhere
@pytest.mark.parametrize("twins", [2, 20])
async def test_twins_in_flight_make_one_volume(cloud: Cloud, twins: int) -> None:
    """The second is asked before the first is answered: it waits, and gets the same answer."""
    replies = await asyncio.gather(*(create(cloud.member, "k") for _ in range(twins)))
    assert {reply.status for reply in replies} == {202}
    assert {reply.body for reply in replies} == {replies[0].body}
    assert sum(not is_replayed(reply) for reply in replies) == 1
    assert await count(cloud) == 1


async def test_another_body_under_the_same_key_is_refused(cloud: Cloud) -> None:
    await create(cloud.member, "k")
    reply = await create(cloud.member, "k", {"volume": {"size": 2}})
    message = "This Idempotency-Key was used for a request with another body."
    assert (reply.status, reply.json) == (422, {"computeFault": {"code": 422, "message": message}})
    assert await count(cloud) == 1


@pytest.mark.everywhere
async def test_a_refusal_leaves_the_key_free(cloud: Cloud) -> None:
    wrong = {"volume": {"size": 1, "volume_type": "later"}}
    assert (await create(cloud.member, "k", wrong)).status == 404
    await cloud.admin.create_type("later")
    reply = await create(cloud.member, "k", wrong)
    assert (reply.status, is_replayed(reply)) == (202, False)


async def test_what_is_answered_again_needs_no_quota(cloud: Cloud) -> None:
    await cloud.sql("INSERT INTO quota_limits VALUES (:project, 'volumes', 1)", project=MOUNTAIN)
    first = await create(cloud.member, "k")
    assert (await create(cloud.member, "other")).status == 413
    again = await create(cloud.member, "k")
    assert (again.status, again.json) == (202, first.json)


async def test_a_key_is_its_users_own_in_a_project_and_a_path(cloud: Cloud) -> None:
    await create(cloud.member, "k")
    await create(cloud.stranger, "k")
    await create(cloud.member, "k", path=f"/volume/v3/{MOUNTAIN}/volumes")
    assert await count(cloud) == 3


@pytest.mark.everywhere
async def test_after_a_day_the_key_is_free(cloud: Cloud) -> None:
    first = await create(cloud.member, "k")
    await cloud.live(24 * 3600 - 60)
    member = await cloud.log_in("member")
    assert (await create(member, "k")).json == first.json
    cloud.clock.advance(61)
    reply = await create(member, "k")
    assert (reply.status, is_replayed(reply), await count(cloud)) == (202, False, 2)


async def test_old_answers_are_forgotten(cloud: Cloud) -> None:
    await create(cloud.member, "k")
    now = cloud.clock.now_us() + 24 * 3600 * 1_000_000 + 1_000_000
    store = cloud.process.store
    assert await store.write(kept_answers.prune, now - 10_000_000, 10) == 0
    assert await store.write(kept_answers.prune, now, 10) == 1
    assert await count(cloud, "kept_answers") == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "caf\xe9", "\x7f"])
async def test_a_bad_key_is_refused(cloud: Cloud, key: str) -> None:
    reply = await create(cloud.member, key)
    assert reply.status == 400, reply.body
    assert "Idempotency-Key" in reply.json["badRequest"]["message"]
    assert await count(cloud) == 0


async def test_other_creates_heed_keys_too(cloud: Cloud) -> None:
    body = {"volume_type": {"name": "gold"}}
    first = await create(cloud.admin, "k", body, "/volume/v3/types")
    again = await create(cloud.admin, "k", body, "/volume/v3/types")
    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert (await create(cloud.admin, None, body, "/volume/v3/types")).status == 409


async def test_logins_take_no_key(cloud: Cloud) -> None:
    """Whoever repeats a login gets another token: no answer that holds a secret is kept."""
    from tests.api.cloud import login  # noqa: PLC0415 - one use

    sent = [
        await create(cloud.nobody, "k", login("mona"), "/identity/v3/auth/tokens") for _ in range(2)
    ]
    assert sent[0].headers["x-subject-token"] != sent[1].headers["x-subject-token"]
    assert await count(cloud, "kept_answers") == 0


@pytest.mark.everywhere
async def test_of_a_password_no_hash_is_kept_that_could_be_guessed_at_speed(cloud: Cloud) -> None:
    """So another password is no other body; whatever else differs is."""
    users = "/identity/v3/users"
    first = await create(cloud.admin, "k", {"user": {"name": "eve", "password": "1"}}, users)
    again = await create(cloud.admin, "k", {"user": {"name": "eve", "password": "2"}}, users)
    assert (first.status, again.status, is_replayed(again)) == (201, 201, True)
    assert again.json == first.json
    other = await create(cloud.admin, "k", {"user": {"name": "adam", "password": "1"}}, users)
    assert other.status == 422


@pytest.mark.everywhere
async def test_neither_volume_nor_answer_without_the_other(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after the volume's row leaves no answer, and what fails at the answer no volume."""

    def full(*_: Any) -> None:
        raise Unavailable("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(kept_answers, "keep", full)
        reply = await create(cloud.member, "k")
        assert reply.status == 503, reply.body
    assert (await count(cloud), await count(cloud, "kept_answers")) == (0, 0)
    assert (await create(cloud.member, "k")).status == 202


class TestReplayDetection:
    """``replay_detection_seconds``: for clients that send no key."""

    @pytest.fixture
    async def watchful(self, deployment: Deployment, tmp_path: Path) -> Any:
        async with running(deployment, tmp_path, "replay_detection_seconds = 30") as cloud:
            yield cloud

    async def test_off_by_default(self, cloud: Cloud) -> None:
        await create(cloud.member, None)
        await create(cloud.member, None)
        assert await count(cloud) == 2

    async def test_the_same_again_is_a_repeat(self, watchful: Cloud) -> None:
        first = await create(watchful.member, None)
        again = await create(watchful.member, None)
        assert (again.status, again.json, is_replayed(again)) == (202, first.json, True)
        assert await count(watchful) == 1

    @pytest.mark.everywhere
    async def test_in_flight(self, watchful: Cloud) -> None:
        replies = await asyncio.gather(*(create(watchful.member, None) for _ in range(5)))
        assert len({reply.body for reply in replies}) == 1
        assert await count(watchful) == 1

    async def test_what_differs_is_no_repeat(self, watchful: Cloud) -> None:
        await create(watchful.member, None)
        await create(watchful.member, None, {"volume": {"size": 1, "name": "twice"}})
        await create(watchful.member, None, {"volume": {"size": 2, "name": "once"}})
        await create(watchful.stranger, None)
        assert await count(watchful) == 4

    async def test_nor_is_a_volume_without_a_name(self, watchful: Cloud) -> None:
        await create(watchful.member, None, {"volume": {"size": 1}})
        await create(watchful.member, None, {"volume": {"size": 1}})
        assert await count(watchful) == 2

    async def test_nor_what_is_asked_later(self, watchful: Cloud) -> None:
        await create(watchful.member, None)
        watchful.clock.advance(31)
        await create(watchful.member, None)
        assert await count(watchful) == 2

    async def test_nor_what_was_deleted_meanwhile(self, watchful: Cloud) -> None:
        first = await create(watchful.member, None)
        await watchful.settled()
        await watchful.member.request("DELETE", f"{VOLUMES}/{first.json['volume']['id']}")
        await watchful.settled()
        again = await create(watchful.member, None)
        assert again.json["volume"]["id"] != first.json["volume"]["id"]

    async def test_nor_a_second_try_after_an_error(self, watchful: Cloud) -> None:
        first = await create(watchful.member, None)
        await watchful.settled()
        volume_id = first.json["volume"]["id"]
        await watchful.sql("UPDATE volumes SET status = 'error' WHERE id = :id", id=volume_id)
        again = await create(watchful.member, None)
        assert again.json["volume"]["id"] != volume_id

    async def test_a_key_of_the_clients_own_counts(self, watchful: Cloud) -> None:
        await create(watchful.member, "one")
        await create(watchful.member, "two")
        assert await count(watchful) == 2


def test_units_run_once(tmp_path: Path) -> None:
    """The table itself: a claim is taken by one, and free again when it counts no more."""
    from pumice.store import schema  # noqa: PLC0415 - one use
    from pumice.store.sqlite import connect  # noqa: PLC0415 - one use

    path = tmp_path / "pumice.db"
    schema.create(path)
    connection = connect(path)
    txn = Txn(connection)
    key = kept_answers.Key("u", "p", "/path", "k")
    assert kept_answers.claim(txn, key, "hash", 1, 10)
    assert not kept_answers.claim(txn, key, "hash", 9, 20)
    assert kept_answers.claim(txn, key, "other", 10, 20)
    found = kept_answers.find(txn, key, 19)
    assert found is not None
    assert found.body_hash == "other"
    assert kept_answers.find(txn, key, 20) is None
    connection.close()
