"""``policy.yaml``: what is read, and where it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pumice.api.policy_file import MAX_BYTES, read_policy_file
from pumice.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", {}),
        ("# nothing but a comment\n", {}),
        ("---\n", {}),
        ('"volume:get": "role:admin"\n', {"volume:get": "role:admin"}),
        ("volume:get: role:admin or role:x\n", {"volume:get": "role:admin or role:x"}),
        ('{"volume:get": "@", "volume:create": "!"}', {"volume:get": "@", "volume:create": "!"}),
        ('"a:b": ""\n"c:d":\n"e:f": []\n', {"a:b": "", "c:d": "", "e:f": ""}),
        ('"a:b": &same "role:x"\n"c:d": *same\n', {"a:b": "role:x", "c:d": "role:x"}),
        ("a: true\n", {"a": "true"}),
        ('"r\u00f4le": "role:\u00e9"\n', {"r\u00f4le": "role:\u00e9"}),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, rules: dict[str, str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_policy_file(path) == rules


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"- a\n- b\n", ":1: expected lines of a name, a colon and a rule."),
        (b"role:admin", ":1: expected lines of a name, a colon and a rule."),
        (b"a: x\nb: y\na: z\n", ":3: the rule a stands twice."),
        (b"a: x\nb: {c: d}\n", ":2: the rule of b is not a text."),
        (b"a: x\nb: [role:x]\n", ":2: the rule of b is not a text."),
        (b"a: x\n? [b]\n: y\n", ":2: expected the name of a rule."),
        (b"a: x\nb: *nowhere\n", ":2: found undefined alias 'nowhere'."),
        (b"a: x\nb: @\n", ":2: found character '@' that cannot start any token."),
        (b"a: [b\n", ":2: expected ',' or ']', but got '<stream end>'."),
        (b"a: x\x00", ": it is not YAML."),
        (b"a: \xff\n", " is not UTF-8."),
        (b"a: " + b"x" * MAX_BYTES, f" is larger than {MAX_BYTES} bytes."),
        (b"a: " + b"[" * 100_000, " is nested too deep."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, raw: bytes, sentence: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(raw)
    with pytest.raises(SettingsError) as caught:
        read_policy_file(path)
    assert caught.value.public == f"{path}{sentence}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(SettingsError) as caught:
            read_policy_file(path)
        assert caught.value.public == f"{path} cannot be read: {reason}."


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="is no file"):
        read_policy_file(path)
