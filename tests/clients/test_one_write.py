"""An answer leaves in one write, and at once: two cost a delayed acknowledgement, 45 ms for each call."""

from __future__ import annotations

from tests.clients.traced import Traced


def test_each_answer_is_one_write(traced: Traced) -> None:
    assert len(traced.exchanges) == traced.sent
    torn = [
        (one.sent, one.status, [call.name for call in one.answer])
        for one in traced.exchanges
        if len(one.answer) != 1
    ]
    assert torn == []


def test_no_delay_before_the_first_write(traced: Traced) -> None:
    first = traced.exchanges[0]
    connection = first.request.descriptor
    set_at = [
        call.ended
        for call in traced.calls
        if call.name == "setsockopt"
        and call.descriptor == connection
        and "TCP_NODELAY, [1]" in call.arguments
        and call.result == 0
    ]
    assert set_at
    assert min(set_at) < first.answer[0].began
