"""Only the thread that met a breakpoint stands still, whatever an editor asks for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import openstack
import pytest

from pumice.cli.client import Refused, Session
from pumice.cli.clouds import Asked, find_cloud
from tests.clients.shells import Shell
from tests.debug.dap import Editor
from tests.debug.debugged import ROOT, Debugged, Place

PROJECTS = Place("pumice/services/projects.py", "list_projects")
FLAVORS = Place("pumice/services/flavors.py", "list_flavors")
UNIT = Place("pumice/services/volumes.py", "accept_volume")
VOLUMES = 10
SERVER = Place("pumice/api/server.py", "_Http.data_received")


def test_two_requests_stand_apart_even_for_an_editor_that_wants_all_threads(
    pumice: Debugged, elsewhere: ThreadPoolExecutor
) -> None:
    """Fails if debugpy has found another way to treat all threads as one."""
    session = pumice.log_in()
    with Editor(pumice.debug_port) as editor:
        editor.attach(stopAllThreadsOnSuspend=True, steppingResumesAllThreads=True)
        editor.stop_at(ROOT / PROJECTS.file, PROJECTS.line())
        editor.stop_at(ROOT / FLAVORS.file, FLAVORS.line())
        first = elsewhere.submit(session.get, "identity", "/projects")
        one = editor.stopped()
        second = elsewhere.submit(session.get, "compute", "/flavors")
        other = editor.stopped()
        names = editor.threads()
        assert names[one] == "GET /identity/v3/projects"
        assert names[other] == "GET /compute/v2.1/flavors"

        editor.step(one)
        assert editor.stopped() == one
        assert editor.frames(one)[0].line > PROJECTS.line()
        assert editor.frames(other)[0].line == FLAVORS.line()
        assert not first.done()
        assert not second.done()
        editor.go_on(one)
        wait((first, second), timeout=10)
    assert [project["name"] for project in first.result()["projects"]] == ["admin"]
    assert second.result()["flavors"]


def test_an_editor_that_detaches_lets_everything_go_on(
    pumice: Debugged, elsewhere: ThreadPoolExecutor
) -> None:
    session = pumice.log_in()
    with Editor(pumice.debug_port) as editor:
        editor.attach()
        editor.stop_at(ROOT / PROJECTS.file, PROJECTS.line())
        listed = elsewhere.submit(session.get, "identity", "/projects")
        editor.stopped()
    assert listed.result()["projects"]


def test_while_the_core_stands_still_what_is_committed_can_be_read(
    pumice: Debugged, elsewhere: ThreadPoolExecutor
) -> None:
    session = pumice.log_in()
    with Editor(pumice.debug_port) as editor:
        editor.attach()
        editor.stop_at(ROOT / UNIT.file, UNIT.line())
        created = elsewhere.submit(Shell("cinder", pumice.environment), "create", "1")
        thread = editor.stopped()
        assert editor.threads()[thread] == "core"
        assert session.get("block-storage", "/volumes")["volumes"] is not None
        editor.go_on(thread)
        assert created.result().properties["id"]


def test_the_main_thread_cannot_be_stopped(pumice: Debugged) -> None:
    with Editor(pumice.debug_port) as editor:
        editor.attach()
        editor.stop_at(ROOT / SERVER.file, SERVER.line())
        pumice.answers()


def test_many_wrong_passwords_at_once(pumice: Debugged, elsewhere: ThreadPoolExecutor) -> None:
    """They wait for each other, two at a time, and each is told the same."""
    right = find_cloud(Asked(None, pumice.state_dir), {}, ROOT)

    def log_in(number: int) -> int:
        wrong = right._replace(auth={**right.auth, "password": f"wrong {number}"})
        with pytest.raises(Refused) as refused:
            Session.log_in(wrong)
        return refused.value.status

    assert list(elsewhere.map(log_in, range(40))) == [401] * 40


def test_many_clients_at_once(pumice: Debugged, elsewhere: ThreadPoolExecutor) -> None:
    """Without an editor: what the threads share holds."""

    def work() -> int:
        with openstack.connect(
            load_yaml_config=False, load_envvars=False, **pumice.auth
        ) as connection:
            volumes = connection.block_storage
            ids = {volumes.create_volume(size=1).id for _ in range(VOLUMES)}
            assert ids <= {volume.id for volume in volumes.volumes()}
            for volume_id in ids:
                assert volumes.get_volume(volume_id).status == "available"
                volumes.delete_volume(volume_id)
            return len(ids)

    clients = [elsewhere.submit(work) for _ in range(4)]
    assert [client.result() for client in clients] == [VOLUMES] * 4
