"""What reaches the terminal: nothing that it would obey."""

from __future__ import annotations

import json

import pytest

from pumice.cli import output
from pumice.cli.output import Column

ESCAPE = "\x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("firstvol", "firstvol"),
        ("Größe 容量", "Größe 容量"),
        ("a\nb", "a\\nb"),
        (ESCAPE, "\\x1b]0;owned\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
    ],
)
def test_nothing_reaches_the_terminal_that_it_would_obey(text: str, shown: str) -> None:
    assert output.printable(text) == shown


def test_a_table_shows_what_a_server_said_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(ESCAPE, "[bold]x[/bold]", None, True, 3)]
    output.draw(output.table([Column(title) for title in "abcde"], rows))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b]0;owned\\x07   [bold]x[/bold]       yes   3" in shown


def test_a_pipe_gets_each_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.draw(output.table([Column("a"), Column("b")], [("x" * 150, "y" * 150)]))
    assert f"{'x' * 150}   {'y' * 150}" in capsys.readouterr().out


def test_no_rows_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table([Column("a")], [], "No operations.")
    assert capsys.readouterr().out == "No operations.\n"


def test_json_is_what_programs_read_and_no_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show_json([{"name": f"ü{ESCAPE}\x9b"}])
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "\x1b" not in shown
    assert json.loads(shown) == [{"name": f"ü{ESCAPE}\x9b"}]


def test_a_note_is_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    output.note("The server does not run.")
    assert capsys.readouterr() == ("", "The server does not run.\n")


def test_times_and_durations_are_short() -> None:
    assert output.time("2026-01-31T12:00:00.123456") == "2026-01-31 12:00:00"
    assert output.time(None) == ""
    assert output.milliseconds(1_234) == "1.23 ms"
