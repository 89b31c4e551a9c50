"""``pumice debug config``: what an editor is told, and a session with just that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pumice.cli import main
from tests.debug.dap import Editor
from tests.debug.debugged import ROOT, Debugged, Place

PROJECTS = Place("pumice/services/projects.py", "list_projects")
CHANGED = "services/flavors.py"
ONLY_THERE = "a_module_that_is_only_there.py"


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debugged]:
    """A server whose files lie under another path, and are not all the same."""
    there = tmp_path_factory.mktemp("there")
    shutil.copytree(ROOT / "pumice", there / "pumice")
    with (there / "pumice" / CHANGED).open("a") as file:
        file.write("# Changed there.\n")
    (there / "pumice" / ONLY_THERE).touch()
    with Debugged(tmp_path_factory.mktemp("remote"), package_in=there) as served:
        yield served


class Config:
    """Runs ``pumice debug config`` in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder

    def __call__(self, served: Debugged, *options: str, status: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        arguments = ("debug", "config", "--state-dir", f"{served.state_dir}", *options)
        ended = main(arguments)
        printed = self._capsys.readouterr()
        assert ended == status, printed
        return printed.out, printed.err


@pytest.fixture
def config(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Config:
    monkeypatch.chdir(tmp_path)
    return Config(capsys, tmp_path)


def mappings(local: object, remote: object) -> list[dict[str, str]]:
    return [{"localRoot": f"{local}", "remoteRoot": f"{remote}"}]


def test_a_breakpoint_in_a_file_that_lies_elsewhere_on_the_server(
    remote: Debugged, config: Config, elsewhere: ThreadPoolExecutor
) -> None:
    found = json.loads(config(remote, "--editor", "dap", "--json")[0])
    there = Path(found["remote_root"])
    assert there != ROOT / "pumice"
    assert (there / ONLY_THERE).exists()
    assert found["local_root"] == f"{ROOT / 'pumice'}"
    assert (found["differing"], found["missing"]) == ([CHANGED], [ONLY_THERE])
    assert "services/projects.py" in found["identical"]
    plain = found["configuration"]
    assert (plain["host"], plain["port"]) == ("127.0.0.1", remote.debug_port)
    assert plain["request"]["command"] == "attach"

    session = remote.log_in()
    with Editor(remote.debug_port) as editor:
        editor.attach(**plain["request"]["arguments"])
        editor.stop_at(ROOT / PROJECTS.file, PROJECTS.line())
        listed = elsewhere.submit(session.get, "identity", "/projects")
        thread = editor.stopped()
        assert editor.frames(thread)[0].path == f"{ROOT / PROJECTS.file}"
        editor.go_on(thread)
        assert listed.result()["projects"]


def test_a_person_is_told_which_files_differ(remote: Debugged, config: Config) -> None:
    out, err = config(remote)
    told = err.splitlines()
    assert told[0].endswith(f" files in {ROOT / 'pumice'} are as the server has them.")
    assert told[1:] == [
        f"Warning: {CHANGED} differ from the server's; breakpoints there will be off.",
        f"Warning: {ONLY_THERE} are missing here.",
    ]
    entry = json.loads(out)
    assert entry["connect"] == {"host": "127.0.0.1", "port": remote.debug_port}
    assert entry["pathMappings"][0]["localRoot"] == f"{ROOT / 'pumice'}"


def test_the_folder_where_a_person_works_comes_first(pumice: Debugged, config: Config) -> None:
    shutil.copytree(ROOT / "pumice", config.folder / "pumice")
    entry = json.loads(config(pumice)[0])
    assert entry["pathMappings"] == mappings("${workspaceFolder}/pumice", ROOT / "pumice")


def test_files_of_another_version_are_refused(
    pumice: Debugged, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pumice.__file__", f"{config.folder / 'pumice' / '__init__.py'}")
    _, err = config(pumice, status=2)
    assert err.startswith(f"Error: No file in {config.folder / 'pumice'} is as the server has it")


def test_pycharm_is_told_what_to_fill_in(pumice: Debugged, config: Config) -> None:
    out, _ = config(pumice, "--editor", "pycharm")
    assert "Attach to DAP" in out
    assert f"   Remote address: 127.0.0.1:{pumice.debug_port}\n" in out
    assert f"   Remote root path: {ROOT / 'pumice'}\n" in out
    _, err = config(pumice, "--editor", "pycharm", "--write", status=2)
    assert err.startswith("Error: --write knows .vscode/launch.json only")


def test_vs_code_gets_its_entry_and_keeps_the_others(pumice: Debugged, config: Config) -> None:
    launch = config.folder / ".vscode" / "launch.json"
    out, _ = config(pumice, "--write")
    assert "'Pumice: attach'" in out
    first = json.loads(launch.read_text())
    assert [entry["name"] for entry in first["configurations"]] == ["Pumice: attach"]

    mine: dict[str, Any] = {"name": "mine", "type": "node", "request": "launch"}
    stale = first["configurations"][0] | {"connect": {"host": "127.0.0.1", "port": 1}}
    kept = {"version": "0.2.0", "configurations": [stale, mine], "compounds": [{"name": "é"}]}
    launch.write_text(json.dumps(kept))
    config(pumice, "--write")
    merged = json.loads(launch.read_text())
    assert merged == kept | {"configurations": [first["configurations"][0], mine]}
    assert list(launch.parent.iterdir()) == [launch]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"configurations": [] // mine\n}', "is not plain JSON, and its comments would be lost"),
        ("[]", "has no list of configurations."),
        ('{"configurations": {}}', "has no list of configurations."),
    ],
)
def test_a_file_that_would_be_destroyed_stays(
    pumice: Debugged, config: Config, content: str, told: str
) -> None:
    launch = config.folder / ".vscode" / "launch.json"
    launch.parent.mkdir()
    launch.write_text(content)
    _, err = config(pumice, "--write", status=2)
    assert err.startswith("Error: ")
    assert told in err
    assert launch.read_text() == content
