"""The tree of routes: which tables it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import pytest

from pumice.api.dispatch import Dispatch
from pumice.api.request import Request
from pumice.api.route import PUBLIC, Route


async def answer(_request: Request) -> None:
    """A handler."""


PLAIN: Final = Route("POST", "/things/{thing_id}/action", answer, PUBLIC)
ACTION: Final = replace(PLAIN, action="go")


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (PLAIN, ACTION, "POST /things/{thing_id}/action: an action beside a plain route"),
        (replace(PLAIN, until=9), replace(ACTION, since=10), "an action beside a plain route"),
        (PLAIN, replace(PLAIN, since=10), "microversions overlap"),
        (ACTION, replace(ACTION, since=10), "microversions overlap"),
        (PLAIN, replace(PLAIN, path="/things/{id}"), "is called"),
    ],
)
def test_routes_that_contradict_each_other(one: Route, other: Route, why: str) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(ValueError, match=re.escape(why)):
            Dispatch(pair)


def test_routes_that_do_not() -> None:
    Dispatch((PLAIN, replace(PLAIN, method="GET")))
    Dispatch((ACTION, replace(ACTION, action="stop")))
    Dispatch((replace(PLAIN, until=9), replace(PLAIN, since=10)))
