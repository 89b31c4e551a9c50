"""Which tests are run, which are left out, and that the list of the latter cannot be wrong unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.groups import Group, StaleEntry, read_groups, select

LISTED = (
    "suite.a.One.test_first[id-1,smoke]",
    "suite.a.One.test_first_again[id-2]",
    "suite.a.Other.test_second[id-3]",
    "suite.b.Third.test_third",
    "suitex.a.One.test_first",
)


def group(include: str = "", **not_built: list[str]) -> Group:
    return Group("g", "suite", include, (), not_built)


def test_a_group_has_what_lies_under_its_name_and_nothing_with_a_similar_one() -> None:
    assert select(group(), LISTED).run == list(LISTED[:4])
    assert select(group(r"b\."), LISTED).run == [LISTED[3]]


def test_a_pattern_chooses_among_them() -> None:
    assert select(group(), LISTED, "smoke|third").run == [LISTED[0], LISTED[3]]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("a.One.test_first", ["suite.a.One.test_first"]),
        ("a.One", ["suite.a.One.test_first", "suite.a.One.test_first_again"]),
        ("b", ["suite.b.Third.test_third"]),
    ],
)
def test_a_test_a_class_or_a_module_is_left_out_by_its_whole_name(
    name: str, left_out: list[str]
) -> None:
    selection = select(group(trusts=[name]), LISTED)
    assert selection.left_out == dict.fromkeys(left_out, "trusts")
    assert set(selection.names).isdisjoint(left_out)
    assert len(selection.run) + len(left_out) == 4


def test_what_is_left_out_is_counted_as_far_as_the_pattern_asks_for_it() -> None:
    selection = select(group(trusts=["a"]), LISTED, "second")
    assert selection.run == []
    assert list(selection.left_out) == ["suite.a.Other.test_second"]


def test_all_of_it_can_be_run() -> None:
    selection = select(group(trusts=["a"]), LISTED, all_of_it=True)
    assert (selection.run, selection.left_out) == (list(LISTED[:4]), {})


def test_an_entry_that_names_no_test_is_an_error_whatever_is_run() -> None:
    with pytest.raises(StaleEntry, match=r"a\.Gone"):
        select(group(trusts=["a.One", "a.Gone"]), LISTED, "third", all_of_it=True)


def test_the_groups_are_read(tmp_path: Path) -> None:
    file = tmp_path / "groups.toml"
    file.write_text(
        '[[group]]\nname="n"\nunder="u"\ninclude="i"\nservices=["s"]\n[group.not_built]\nf=["x"]\n'
    )
    assert read_groups(file) == (Group("n", "u", "i", ["s"], {"f": ["x"]}),)


def test_each_feature_and_each_group_stands_once() -> None:
    groups = read_groups()
    assert len({each.name for each in groups}) == len(groups)
    for each in groups:
        names = [name for names in each.not_built.values() for name in names]
        assert len(set(names)) == len(names)
