"""The grammar of extra specs, form by form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.scheduler.filters.requirement import requirement


def accepts(text: str | None, value: object, key: str = "key") -> bool:
    wanted = requirement(key, text)
    assert wanted is not None
    return wanted.satisfied_by(value)


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        pytest.param("fc", ["fc"], ["FC", "fc ", "fcx", "", None, True], id="text"),
        pytest.param("two words", ["two words"], ["two", "two  words"], id="text of two words"),
        pytest.param("5", ["5"], [5, 5.0, "5.0"], id="a text is no number"),
        pytest.param("True", ["True"], [True, "true"], id="a text is no truth"),
        pytest.param("", [""], [" ", None, 0], id="the empty text"),
        pytest.param(" fc", [" fc"], ["fc"], id="a text keeps its spaces"),
        pytest.param("=5", ["=5"], ["5", 5], id="no operator without a space"),
        pytest.param("> 5", ["> 5"], [6], id="there is no > for numbers"),
        pytest.param("= 5", [5, 6, "5", "5.5"], [4.9, "4", "x", None], id="= is at least"),
        pytest.param(">= 5", [5, "6"], [4.9, "x", None], id=">="),
        pytest.param("<= 5", [5, "4", -1], [5.1, "x", None], id="<="),
        pytest.param("== 5", [5, "5.0"], [4, "x", None], id="=="),
        pytest.param("!= 5", [4, "6"], [5, "5.0", "x", None], id="!="),
        pytest.param("== x", [], ["x", 5], id="an operand that is no number"),
        pytest.param("<= 5", [], [{}, (), 10**400], id="a value that is no number"),
        pytest.param("s== b", ["b"], ["a", "bb", 5, None], id="s=="),
        pytest.param("s== b c", ["b"], ["b c"], id="the next word only"),
        pytest.param("s!= b", ["a", "B"], ["b", None], id="s!="),
        pytest.param("s> b", ["c", "ba"], ["b", "a", 5], id="s>"),
        pytest.param("s>= b", ["b", "c"], ["a", 5], id="s>="),
        pytest.param("s< b", ["a", "B"], ["b", "c", 5], id="s<"),
        pytest.param("s<= b", ["b", "a"], ["c", 5], id="s<="),
        pytest.param("s<= 10", ["1", "10"], ["9"], id="texts, not numbers"),
        pytest.param("<in> ss", ["ss", "essl"], ["s", "SS", 5, None], id="<in>"),
        pytest.param("<in> a", [{"a": 1}], [{"b": "a"}], id="<in> of a dictionary"),
        pytest.param(
            "<is> True", [True, "true", "YES", "on", "1", 1, " t ", "y"], [False, "no", 2, None]
        ),
        pytest.param("<is> False", [False, "false", "anything", 0], [True, "on", None]),
        pytest.param("<is> yes", [True], [False], id="<is> in other words"),
        pytest.param("<or> a <or> b", ["a", "b"], ["c", "<or>", "ab", None], id="<or>"),
        pytest.param("<or> a", ["a"], ["b"], id="<or> of one"),
        pytest.param("<or> a <or> b <or> c", ["a", "b", "c"], ["d"], id="<or> of three"),
        pytest.param("<or> 5", ["5"], [5], id="<or> of texts"),
        pytest.param("<or>", [], ["", "<or>", None], id="<or> of none"),
        pytest.param(None, [None], ["", "null", False, 0], id="null"),
    ],
)
def test_form(text: str | None, accepted: list[Any], refused: list[Any]) -> None:
    for value in accepted:
        assert accepts(text, value), value
    for value in refused:
        assert not accepts(text, value), value


@pytest.mark.parametrize(
    "operator",
    ["=", ">=", "<=", "==", "!=", "s==", "s!=", "s>", "s>=", "s<", "s<=", "<in>", "<is>", "<or>"],
)
def test_an_operator_without_operand_accepts_nothing(operator: str) -> None:
    for text in (operator, f" {operator} "):
        for value in (operator, text, "", "a", 5, True, None):
            assert not accepts(text, value)


@pytest.mark.parametrize(
    ("text", "value", "accepted"),
    [
        ("fc", ["lvm", "fc"], True),
        ("fc", ["lvm"], False),
        ("fc", [], False),
        (">= 5", [1, "x", 7], True),
        ("<is> True", [False, True], True),
        ("<is> True", [False], False),
        ("s!= a", ["a"], False),
        ("s!= a", ["a", "b"], True),
        (None, ["a", None], True),
    ],
)
def test_of_a_list_one_element_is_enough(
    text: str | None, value: list[Any], accepted: bool
) -> None:
    assert accepts(text, value) is accepted


@pytest.mark.parametrize(
    "spellings",
    [
        ("iSCSI", "iscsi"),
        ("FC", "fc", "fibre_channel"),
        ("NFS", "nfs"),
        ("NVMe-oF", "NVMeOF", "nvmeof"),
    ],
)
def test_a_storage_protocol_counts_under_each_of_its_spellings(spellings: tuple[str, ...]) -> None:
    for reported in spellings:
        for wanted in spellings:
            for key in ("storage_protocol", "capabilities:storage_protocol"):
                assert accepts(wanted, reported, key)
                assert accepts(wanted, ["ceph", reported], key)
                assert accepts(f"<or> ceph <or> {wanted}", reported, key)
                assert accepts(f"<in> {wanted}", reported, key)
            assert accepts(wanted, reported, "key") is (wanted == reported)
        assert not accepts("ceph", reported, "storage_protocol")
        assert not accepts("iSER", reported, "storage_protocol")


def test_a_storage_protocol_without_spellings_is_a_text() -> None:
    assert accepts("ceph", "ceph", "storage_protocol")
    assert not accepts("CEPH", "ceph", "storage_protocol")
    assert not accepts("ceph", {"a": 1}, "storage_protocol")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("volume_backend_name", ("volume_backend_name",)),
        ("capabilities", ("capabilities",)),
        ("capabilities:a", ("a",)),
        ("capabilities:a:b", ("a", "b")),
        ("capabilities:", ("",)),
        ("", ("",)),
        ("a:b", None),
        ("provisioning:type", None),
        ("RESKEY:availability_zones", None),
        ("Capabilities:a", None),
        (":a", None),
    ],
)
def test_key(key: str, path: tuple[str, ...] | None) -> None:
    wanted = requirement(key, "x")
    assert (wanted and wanted.path) == path


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("flat", (True, "x")),
        ("capabilities:flat", (True, "x")),
        ("capabilities:a:b", (True, "y")),
        ("capabilities:a", (True, {"b": "y", "none": None})),
        ("capabilities:a:none", (True, None)),
        ("capabilities:a:c", (False, None)),
        ("capabilities:flat:b", (False, None)),
        ("capabilities:a:none:b", (False, None)),
        ("capabilities:a:b:c", (False, None)),
        ("nothing", (False, None)),
    ],
)
def test_walk(key: str, expected: tuple[bool, object]) -> None:
    wanted = requirement(key, "x")
    assert wanted is not None
    assert wanted.found({"flat": "x", "a": {"b": "y", "none": None}}) == expected


@pytest.mark.parametrize(
    ("text", "exact"), [("fc", "fc"), ("", ""), (None, None), ("s== fc", None), ("<or> fc", None)]
)
def test_what_is_exact_can_be_indexed(text: str | None, exact: str | None) -> None:
    wanted = requirement("key", text)
    assert wanted is not None
    assert wanted.exact == exact


WORDS = st.sampled_from(["<or>", "<in>", "<is>", "=", "==", "s<", "s==", "a", "5", "true"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(
    text=st.none() | st.text(max_size=10) | st.lists(WORDS, max_size=5).map(" ".join),
    value=VALUES,
    key=st.sampled_from(["key", "storage_protocol"]),
)
def test_no_requirement_and_no_report_raises(text: str | None, value: object, key: str) -> None:
    assert accepts(text, value, key) in (True, False)
