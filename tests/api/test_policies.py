"""Policies: a file changes who may do what, and what holds can be asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pumice.api.policy import ALIASES
from pumice.api.routes import effective_policies, policies
from pumice.errors import SettingsError
from tests.api.cloud import running
from tests.api.deployment import Deployment

VOLUMES = "/volume/v3/volumes"


async def test_a_file_changes_who_may_do_what(deployment: Deployment, tmp_path: Path) -> None:
    """A right that is taken from members, one that is given to readers, and a rule for both."""
    (tmp_path / "policy.yaml").write_text(
        '"volume:delete": "rule:trusted"\n"trusted": "role:admin"\n"volume:create": "role:reader"\n'
    )
    async with running(deployment, tmp_path) as cloud:
        volume = await cloud.reader.create_volume()
        await cloud.settled()
        path = f"{VOLUMES}/{volume['id']}"
        assert (await cloud.member.request("DELETE", path)).status == 403
        assert (await cloud.member.get(path))["volume"]["status"] == "available"
        assert (await cloud.admin.request("DELETE", path)).status == 202
        await cloud.settled()


async def test_an_alias_changes_every_policy_that_refers_to_it(
    deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text('"admin_api": "role:member"\n')
    async with running(deployment, tmp_path) as cloud:
        body = {"volume_type": {"name": "mine"}}
        assert (await cloud.reader.request("POST", "/volume/v3/types", body)).status == 403
        assert (await cloud.member.request("POST", "/volume/v3/types", body)).status == 200


async def test_the_file_may_have_another_name(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text('"volume:create": "!"\n')
    (tmp_path / "mine.yaml").write_text('"volume:create": "role:reader"\n')
    async with running(deployment, tmp_path, "policy_file = mine.yaml") as cloud:
        await cloud.reader.create_volume()
        await cloud.settled()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '"volume:delet": "!"',
            "There is no policy volume:delet, and no rule refers to it; did you mean volume:delete?",
        ),
        (
            '"volume:get": "role:admin and"',
            "Policy rule volume:get, character 15: expected a check, as `role:admin`.",
        ),
        (None, "{path} cannot be read: No such file or directory."),
    ],
)
async def test_a_wrong_file_is_no_start(
    deployment: Deployment, tmp_path: Path, text: str | None, sentence: str
) -> None:
    """Not even one that is named and absent: somebody relies on it."""
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        async with running(deployment, tmp_path, "policy_file = mine.yaml"):
            pass
    assert caught.value.public == sentence.format(path=path)


def test_what_holds() -> None:
    found = {one.name: one for one in effective_policies({"volume:get": "rule:own", "own": "!"})}
    assert found.keys() == {one.name for one in policies()} | {*ALIASES, "own"}
    changed = found["volume:get"]
    assert (changed.rule, changed.default) == (
        "rule:own",
        "rule:xena_system_admin_or_project_reader",
    )
    assert "GET /volume/v3/volumes/{volume_id}" in changed.routes
    assert all(
        one.rule == one.default for one in found.values() if one.name not in {"volume:get", "own"}
    )


async def test_the_example_in_the_documentation_holds(
    deployment: Deployment, tmp_path: Path
) -> None:
    document = Path(__file__).parents[2] / "docs" / "policies.md"
    (example,) = re.findall(r"```yaml\n(.+?)```", document.read_text(), re.DOTALL)
    (tmp_path / "policy.yaml").write_text(example)
    async with running(deployment, tmp_path) as cloud:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        path = f"{VOLUMES}/{volume['id']}"
        assert (await cloud.member.request("DELETE", path)).status == 403
        assert (await cloud.reader.request("POST", VOLUMES, {"volume": {"size": 1}})).status == 403
