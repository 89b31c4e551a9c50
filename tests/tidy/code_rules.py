"""Rules for one Python file: lengths, docstrings, and calls that have one place.

Each rule takes a path and the file's text and yields its findings as ``(line, what to do)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Final, NamedTuple

FILE_LINES: Final = 600
FUNCTION_LINES: Final = 70

# Tests that others run against their own drivers: in the package, but no part of the program.
SHIPPED_TESTS: Final = "pumice/drivers/suite/"

Finding = tuple[int, str]
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Ban(NamedTuple):
    """Names that only the files in ``places`` may use. ``*`` stands for any characters."""

    names: tuple[str, ...]
    places: tuple[str, ...]
    instead: str


# Modules that are banned as a whole stand in pyproject.toml, as import contracts.
BANS: Final = (
    Ban(("print",), ("pumice/cli/*",), "log it, or return the text to the command line"),
    Ban(
        (
            "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns",
            "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
            "datetime.date.today",
        ),
        ("pumice/seams.py",),
        "take the time from the input, or from seams.clock",
    ),
    # Migrations run in a child process of their own.
    Ban(
        ("time.sleep",),
        ("pumice/seams.py", "pumice/store/migrations/*"),
        "await an event, or seams.sleep",
    ),
    Ban(
        (
            "random.*", "secrets.choice", "secrets.rand*", "secrets.token_*",
            "secrets.SystemRandom", "os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4",
        ),
        ("pumice/seams.py",),
        "take ids and secrets from seams.ids, chance from seams.random",
    ),
    Ban(
        (
            "threading.Thread", "threading.Timer", "_thread.*", "concurrent.*",
            "multiprocessing.*", "asyncio.to_thread", "*.run_in_executor",
        ),
        ("pumice/threads.py", "pumice/debug/threads.py"),
        "run blocking work on seams.executor",
    ),
    Ban(
        (
            "subprocess.*", "asyncio.create_subprocess_*", "os.system", "os.popen", "os.fork",
            "os.exec*", "os.spawn*", "os.posix_spawn*",
        ),
        # A schema change runs in a child, so that the server never holds SQLAlchemy in memory.
        ("pumice/store/schema.py", "pumice/store/postgresql/schema.py", "pumice/cli/*"),
        "only the command line and schema changes start programs",
    ),
    Ban(
        (
            "open", "io.open", "os.open", "os.fdopen", "os.read", "os.write", "os.pread",
            "os.pwrite", "os.fsync", "os.fdatasync", "os.rename", "os.replace", "os.remove",
            "os.unlink", "os.mkdir", "os.makedirs", "os.rmdir", "os.link", "os.symlink", "os.stat",
            "os.lstat", "os.scandir", "os.listdir", "os.walk", "os.statvfs", "os.truncate",
            "os.ftruncate", "os.chmod", "os.chown", "shutil.*", "tempfile.*",
            # Of pathlib.Path, wherever the path comes from.
            "*.read_text", "*.read_bytes", "*.write_text", "*.write_bytes", "*.unlink", "*.mkdir",
            "*.rmdir", "*.touch", "*.hardlink_to", "*.symlink_to", "*.iterdir", "*.rglob",
        ),
        (
            "pumice/files.py", "pumice/settings/*", "pumice/state_dir.py", "pumice/process.py",
            "pumice/cli/*", "pumice/store/*", "pumice/debug/debugger.py",
        ),
        "touch files through seams.files",
    ),
)  # fmt: skip


def file_length(_path: str, text: str) -> Iterator[Finding]:
    """A file has at most ``FILE_LINES`` lines."""
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield lines, f"{lines} lines, more than {FILE_LINES}: are these two ideas in one file?"


def function_length(path: str, text: str) -> Iterator[Finding]:
    """A function has at most ``FUNCTION_LINES`` lines from ``def`` on, its docstring excluded.

    The docstring is the contract, and nobody shall shorten a contract to pass a count.
    """
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, _Function):
            lines = _height(node) - sum(_height(part) for part in node.body[:1] if _is_text(part))
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, more than {FUNCTION_LINES}"


def module_docstring(path: str, text: str) -> Iterator[Finding]:
    """A module begins by saying what lives there."""
    if not ast.get_docstring(ast.parse(text, path)):
        yield 1, "say what lives in this file, in a docstring at its top"


def banned_names(path: str, text: str) -> Iterator[Finding]:
    """What a simulation replaces, and what has one place, is used nowhere else in ``pumice``."""
    if not path.startswith("pumice/") or path.startswith(SHIPPED_TESTS):
        return
    bans = [ban for ban in BANS if not any(fnmatch(path, place) for place in ban.places)]
    tree = ast.parse(text, path)
    origins = _imported_names(tree)
    for node in ast.walk(tree):
        name = _full_name(node, origins)
        for ban in bans:
            if name and any(fnmatch(name, banned) for banned in ban.names):
                yield getattr(node, "lineno", 1), f"{name}: {ban.instead}"


CODE_RULES: Final = (file_length, function_length, module_docstring, banned_names)


def _height(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_text(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: ``from time import time as now`` gives now: time.time."""
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                origins[name.asname or name.name.partition(".")[0]] = name.asname and name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                origins[name.asname or name.name] = f"{node.module}.{name.name}"
    return {name: origin or name for name, origin in origins.items()}


def _full_name(node: ast.AST, origins: dict[str, str]) -> str:
    """The dotted name that an expression reads, by its origin; what is no name becomes ``?``."""
    if isinstance(node, ast.Name):
        return origins.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, origins) or '?'}.{node.attr}"
    return ""
