"""What commands print: tables for people, JSON for programs.

Whatever comes from a server may hold names that somebody chose, so nothing of it reaches the terminal
unless it can be printed: no escape sequence, no line break.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

PIPE_WIDTH: Final = 400
"""Columns when the output is no terminal: lines are cut for a screen, not for grep."""

STYLES: Final = {
    **dict.fromkeys(("available", "done", "enabled", "no", "passed", "up"), "green"),
    **dict.fromkeys(("deferred", "running", "started", "undo_started", "undone"), "yellow"),
    **dict.fromkeys(("abandoned", "disabled", "down", "error", "failed"), "red"),
    **dict.fromkeys(("refused", "stuck", "undo_failed"), "red"),
}
"""The colours of words that say how something is; every other text has none."""


class Column(NamedTuple):
    """A column: its title, whether numbers stand in it, and whether it may be broken across lines."""

    title: str
    right: bool = False
    whole: bool = False


def printable(text: str) -> str:
    """``text`` with an escape for each character that a terminal would obey, or not show."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def cell(value: object) -> str:
    """``value`` as it stands in a table; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def time(text: object) -> str:
    """A time of the API, ``2026-01-31T12:00:00.123456``, without the fraction."""
    return cell(text)[:19].replace("T", " ")


def milliseconds(us: int) -> str:
    """Microseconds as milliseconds, with two digits of fraction."""
    return f"{us / 1000:.2f} ms"


def table(columns: Iterable[Column], rows: Iterable[Sequence[object]]) -> Table:
    """A table to :func:`draw`. Values are shown as they are; the caller has shortened them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            overflow="fold",
        )
    for row in rows:
        texts = [cell(value) for value in row]
        drawn.add_row(*(Text(text, STYLES.get(text, "")) for text in texts))
    return drawn


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values to :func:`draw`, one below the other."""
    drawn = table((Column("", whole=True), Column("")), pairs)
    drawn.show_header = False
    drawn.columns[0].style = "bold"
    return drawn


def console() -> Console:
    """Standard output as rich draws on it: in colour and broken into lines on a terminal only."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def draw(*parts: RenderableType) -> None:
    """Draw tables and texts, one below the other."""
    console().print(*parts, sep="\n")


def show_table(columns: Iterable[Column], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Draw a table, or say ``nothing`` if it has no row."""
    if rows:
        draw(table(columns, rows))
    else:
        say(nothing)


def say(sentence: str) -> None:
    """Print a line."""
    print(printable(sentence))


def note(sentence: str) -> None:
    """Tell the person something that is not part of the output."""
    print(printable(sentence), file=sys.stderr)


def confirmed(question: str) -> bool:
    """Ask the person; anything but yes is no, and so is nobody there."""
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().lower() in ("y", "yes")


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, on standard error; what is given is told how much of how much is done."""
    if not sys.stderr.isatty():
        yield lambda _done, _whole: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(title)
        yield lambda done, whole: drawn.update(task, completed=done, total=whole)


def show_json(value: Any) -> None:
    """Print ``value`` for programs. What JSON allows is escaped: no byte can confuse a terminal."""
    print(json.dumps(value, indent=2))
