"""The simulated files answer as the machine's own do, and die in the middle as they do."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.files import Files, RealFiles
from pumice.seams import no_crash
from tests.simulation.files import SimFiles
from tests.simulation.loop import Killed

MIB = 1 << 20
CALLS = ("create_sparse", "remove", "size_of", "allocated_bytes", "list_files")
NAMES = ("a", "b", "folder", "missing/c")


def answer(files: Files, call: str, path: Path, size_bytes: int) -> object:
    """What the call answers, or the number of the failure that it raises."""
    try:
        match call:
            case "create_sparse":
                return files.create_sparse(path, size_bytes)
            case "remove":
                return files.remove(path)
            case "size_of":
                return files.size_of(path)
            case "allocated_bytes":
                return files.allocated_bytes(path)
            case _:
                return sorted(files.list_files(path.parent))
    except OSError as error:
        return f"failed: {error.errno}"


@given(st.lists(st.tuples(st.sampled_from(CALLS), st.sampled_from(NAMES), st.integers(1, 3))))
def test_they_answer_as_the_real_ones(calls: list[tuple[str, str, int]]) -> None:
    with TemporaryDirectory() as home:
        both: tuple[Files, Files] = RealFiles(), SimFiles(no_crash)
        for files in both:
            files.make_directory(Path(home, "folder"))
        for call, name, mib in calls:
            if (call, name) == ("allocated_bytes", "folder"):
                continue  # What a folder occupies is the filesystem's business.
            real, simulated = (answer(files, call, Path(home, name), mib * MIB) for files in both)
            assert real == simulated, (call, name)


def test_a_crash_in_the_middle_leaves_an_empty_file_that_a_repeat_completes() -> None:
    def die(name: str) -> None:
        raise Killed(name)

    path = Path("/volumes/a")
    files = SimFiles(die)
    files.make_directory(path.parent)
    with pytest.raises(Killed):
        files.create_sparse(path, MIB)
    assert files.size_of(path) == 0
    files._crash_point = no_crash
    assert files.create_sparse(path, MIB)
    assert files.size_of(path) == MIB
