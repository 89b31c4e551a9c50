"""The proofs are as good as the reading of the traces that they rest on."""

from __future__ import annotations

from tests.clients.strace import Call, parse

TRACE = r"""
7 accept4(15<socket:[1]>, NULL, NULL, SOCK_CLOEXEC) = 20<socket:[2]>
7 read(20<socket:[2]>, "POST /v3/x HTTP/1.1\r\n"..., 256000) = 725
8 fsync(21</s/volumes/a.raw> <unfinished ...>
7 pwrite64(17</s/pumice.db-wal>, "\0\1)"..., 4096, 32) = 4096
7 fdatasync(17</s/pumice.db-wal>) = -1 EIO (Input/output error)
8 <... fsync resumed>)              = 0
7 write(20<socket:[2]>, "a) = 1"..., 310 <unfinished ...>
7 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER} ---
7 +++ exited with 0 +++
"""


def test_calls_in_the_order_in_which_they_began() -> None:
    assert [(call.name, call.descriptor, call.file, call.result) for call in parse(TRACE)] == [
        ("accept4", 15, "socket:[1]", 20),
        ("read", 20, "socket:[2]", 725),
        ("fsync", 21, "/s/volumes/a.raw", 0),
        ("pwrite64", 17, "/s/pumice.db-wal", 4096),
        ("fdatasync", 17, "/s/pumice.db-wal", -1),
    ]


def test_interrupted_call_ended_after_what_came_between() -> None:
    calls = {call.name: call for call in parse(TRACE)}
    assert calls["fsync"].began < calls["pwrite64"].began
    assert calls["fsync"].ended > calls["fdatasync"].ended


def test_arguments_begin_after_the_descriptor() -> None:
    read = parse(TRACE)[1]
    assert read == Call(
        "read", 20, "socket:[2]", r'"POST /v3/x HTTP/1.1\r\n"..., 256000', 725, 2, 2
    )
