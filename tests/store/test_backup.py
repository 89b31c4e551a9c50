"""Copies of the database: one state of it, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pumice.errors import UsageError
from pumice.store import backup as module
from pumice.store import schema
from pumice.store.backup import backup, restore
from pumice.store.sqlite import connect


def silent(_done: int, _pages: int) -> None:
    """No progress is shown."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a row that still stands in the write-ahead log only."""
    path = tmp_path / "pumice.db"
    schema.create(path)
    return path


def regions(path: Path) -> list[str]:
    with closing(connect(path, read_only=True)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM regions ORDER BY id")]


def add(connection: sqlite3.Connection, region: str) -> None:
    connection.execute("INSERT INTO regions (id, description) VALUES (?, '')", (region,))


def test_what_is_committed_is_in_the_copy_and_the_log_with_it(database: Path) -> None:
    copy = database.with_name("copy.db")
    with closing(connect(database)) as serving:
        add(serving, "in-the-log")
        serving.execute("BEGIN")
        add(serving, "not-committed")
        backup(database, copy, progress=silent, overwrite=False)
        serving.execute("ROLLBACK")
    assert regions(copy) == ["in-the-log"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not copy.with_name("copy.db-wal").exists()
    assert schema.revision(copy) == schema.HEAD


def test_the_copy_is_one_state_while_others_write(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs of rows are added between the steps of the copy; none is torn, and the copy ends."""
    monkeypatch.setattr(module, "PAGES_AT_ONCE", 1)
    copy = database.with_name("copy.db")
    steps = 0
    with closing(connect(database)) as serving:
        for number in range(200):
            add(serving, f"{number:03}" + "x" * 1000)

        def write(_done: int, _pages: int) -> None:
            nonlocal steps
            steps += 1
            serving.execute("BEGIN")
            add(serving, f"left-{steps}")
            add(serving, f"right-{steps}")
            serving.execute("COMMIT")

        backup(database, copy, progress=write, overwrite=False)
    assert steps > 20
    found = regions(copy)
    assert len(found) == 200
    assert len(regions(database)) == 200 + 2 * steps


def test_progress_is_told(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES_AT_ONCE", 10)
    told: list[tuple[int, int]] = []
    backup(
        database,
        database.with_name("copy.db"),
        progress=lambda done, pages: told.append((done, pages)),
        overwrite=False,
    )
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_nothing_is_overwritten_unasked(database: Path) -> None:
    copy = database.with_name("copy.db")
    copy.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        backup(database, copy, progress=silent, overwrite=False)
    assert copy.read_text() == "mine"
    backup(database, copy, progress=silent, overwrite=True)
    assert schema.revision(copy) == schema.HEAD


@pytest.mark.parametrize("overwrite", [False, True])
def test_not_over_itself_nor_a_folder(database: Path, overwrite: bool) -> None:
    before = database.read_bytes()
    link = database.with_name("link.db")
    link.symlink_to(database)
    for target in (database, link, database.parent):
        with pytest.raises(UsageError):
            backup(database, target, progress=silent, overwrite=overwrite)
    assert database.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("is_served", [False, True])
def test_not_over_a_part_of_the_database(database: Path, suffix: str, is_served: bool) -> None:
    with contextlib.ExitStack() as serving:
        if is_served:
            add(serving.enter_context(closing(connect(database))), "kept")
        target = database.with_name(f"{database.name}{suffix}")
        with pytest.raises(UsageError, match="is a part of the database"):
            backup(database, target, progress=silent, overwrite=True)
    assert regions(database) == ["kept"] * is_served


def test_not_in_the_place_of_a_device_or_a_pipe(database: Path) -> None:
    pipe = database.with_name("pipe")
    os.mkfifo(pipe)
    device = database.with_name("device")
    device.symlink_to(os.devnull)
    for target in (pipe, device):
        with pytest.raises(UsageError, match="is not a file"):
            backup(database, target, progress=silent, overwrite=True)
    assert pipe.is_fifo()
    assert device.is_char_device()


def test_a_full_disk_leaves_no_journal(database: Path) -> None:
    """SQLite cannot remove it where it cannot write."""

    def fill(path: Path) -> None:
        with schema.new_file(path) as unfinished:
            unfinished.with_name(f"{unfinished.name}-journal").write_text("left")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill(database.with_name("copy.db"))
    assert not list(database.parent.glob(".copy.db*"))


def test_a_target_that_cannot_be_written(database: Path) -> None:
    with pytest.raises(UsageError, match="cannot be copied"):
        backup(database, database.parent / "no" / "copy.db", progress=silent, overwrite=False)


def test_a_failure_on_the_way_leaves_what_was_there(database: Path) -> None:
    copy = database.with_name("copy.db")
    copy.write_text("mine")

    def interrupted(_done: int, _pages: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(database, copy, progress=interrupted, overwrite=True)
    assert copy.read_text() == "mine"
    assert not list(database.parent.glob(".copy.db*"))


class TestRestore:
    @pytest.fixture
    def copy(self, database: Path) -> Path:
        """A copy with the region "then"; the database has got another since."""
        copy = database.with_name("copy.db")
        with closing(connect(database)) as connection:
            add(connection, "then")
        backup(database, copy, progress=silent, overwrite=False)
        with closing(connect(database)) as connection:
            add(connection, "later")
        return copy

    def test_from_a_pipe_is_refused_at_once(self, database: Path) -> None:
        pipe = database.with_name("pipe")
        os.mkfifo(pipe)
        with pytest.raises(UsageError, match="is not a file"):
            restore(pipe, database, database.with_name("kept.db"), progress=silent)

    def test_the_old_state_is_back_and_the_newer_one_kept(self, database: Path, copy: Path) -> None:
        kept = database.with_name("kept.db")
        restore(copy, database, kept, progress=silent)
        assert regions(database) == regions(copy) == ["then"]
        assert regions(kept) == ["later", "then"]
        assert stat.S_IMODE(database.stat().st_mode) == 0o600

    def test_a_log_of_the_old_database_is_not_played_into_the_new_one(
        self, database: Path, copy: Path, tmp_path: Path
    ) -> None:
        """A killed server left its log; it belongs to the state that is put aside."""
        serving = connect(database)
        add(serving, "in-the-log")
        killed = tmp_path / "killed"
        killed.mkdir()
        for path in tmp_path.glob("pumice.db*"):
            shutil.copy(path, killed)
        serving.close()
        assert (killed / "pumice.db-wal").stat().st_size
        kept = killed / "kept.db"
        restore(copy, killed / "pumice.db", kept, progress=silent)
        assert regions(killed / "pumice.db") == ["then"]
        assert regions(kept) == ["in-the-log", "later", "then"]

    def test_where_there_is_no_database(self, copy: Path, tmp_path: Path) -> None:
        restore(copy, tmp_path / "new.db", tmp_path / "kept.db", progress=silent)
        assert regions(tmp_path / "new.db") == ["then"]
        assert not (tmp_path / "kept.db").exists()

    def test_where_only_a_log_is_left(self, database: Path, copy: Path, tmp_path: Path) -> None:
        """Somebody moved a killed server's database away and left its log, which SQLite would play."""
        serving = connect(database)
        add(serving, "in-the-log")
        alone = tmp_path / "alone"
        alone.mkdir()
        log = Path(shutil.copy(tmp_path / "pumice.db-wal", alone))
        serving.close()
        target = alone / "pumice.db"
        with pytest.raises(UsageError, match="its log"):
            restore(copy, target, alone / "kept.db", progress=silent)
        assert sorted(alone.iterdir()) == [log]
        log.unlink()
        restore(copy, target, alone / "kept.db", progress=silent)
        assert regions(target) == ["then"]

    @pytest.mark.parametrize(
        "damage", ["text", "foreign", "cut", "page", "newer", "none", "itself"]
    )
    def test_what_is_no_copy_changes_nothing(self, database: Path, copy: Path, damage: str) -> None:
        match damage:
            case "text":
                copy.write_text("no database")
            case "foreign":
                copy.unlink()
                with closing(sqlite3.connect(copy)) as connection:
                    connection.execute("CREATE TABLE t (x)")
            case "cut":
                copy.write_bytes(copy.read_bytes()[:-8192])
            case "page":
                raw = bytearray(copy.read_bytes())
                raw[4096 * 3 : 4096 * 4] = b"\xff" * 4096
                copy.write_bytes(raw)
            case "newer":
                with closing(sqlite3.connect(copy)) as connection:
                    connection.execute("UPDATE alembic_version SET version_num = '9999'")
                    connection.commit()
            case "none":
                copy.unlink()
            case "itself":
                copy.unlink()
                copy.symlink_to(database)
        with pytest.raises(UsageError):
            restore(copy, database, database.with_name("kept.db"), progress=silent)
        assert regions(database) == ["later", "then"]
        assert not database.with_name("kept.db").exists()

    def test_a_damaged_database_is_not_thrown_away(self, database: Path, copy: Path) -> None:
        database.write_bytes(b"\0" * 4096)
        with pytest.raises(UsageError, match="move it"):
            restore(copy, database, database.with_name("kept.db"), progress=silent)
        assert database.read_bytes() == b"\0" * 4096


def test_copies_may_be_made_at_once(database: Path) -> None:
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            backup(database, database.with_name(f"{number}.db"), progress=silent, overwrite=False)
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
