"""A breakpoint stops the one request that meets it, wherever the page recommends one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.clients.shells import Shell, settled
from tests.debug.dap import Editor
from tests.debug.debugged import ROOT, Debugged, Place, places

PLACES = {place.function: place for place in places()}

VALUES = {
    "TokenService.validate": "'gAAAA",
    "list_projects": "ProjectQuery(",
    "list_flavors": "FlavorQuery(",
    "CapacityFilter.check": "Pool(host='pumice@",
    "FileDriver.create_volume": "VolumeSpec(",
}
"""How the value of the variable begins that the page says to look at."""


def test_the_page_names_a_place_in_each_part() -> None:
    assert set(PLACES) == set(VALUES)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_it_stops_one_request_and_others_are_answered(
    pumice: Debugged, elsewhere: ThreadPoolExecutor, place: Place
) -> None:
    program, *arguments = place.command
    shell = Shell(program, pumice.environment)
    with Editor(pumice.debug_port) as editor:
        editor.attach()
        editor.stop_at(ROOT / place.file, place.line())
        command = elsewhere.submit(shell, *arguments)
        thread = editor.stopped()
        frame = editor.frames(thread)[0]
        assert frame.function == place.function.rpartition(".")[2]
        assert (frame.path, frame.line) == (f"{ROOT / place.file}", place.line())
        assert editor.local(frame, place.variable).startswith(VALUES[place.function])
        editor.stop_at(ROOT / place.file)
        pumice.answers()
        editor.go_on(thread)
        printed = command.result()
    if program == "cinder":
        volume_id = printed.properties["id"]
        show = Shell("cinder", pumice.environment)
        assert settled(lambda: show("show", volume_id).properties["status"]) == "available"
    else:
        assert printed.out
