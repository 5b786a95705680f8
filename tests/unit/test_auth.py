from __future__ import annotations

import os

import pytest
from fakes_api import config
from starlette.exceptions import HTTPException

from rtmd.api.auth import CALLER, Account, Accounts, Caller, Gate, Peer, require, role_of
from rtmd.config import Role

ANA = Account("ana", frozenset({"ops", "users"}))
PEER = Peer(pid=1, uid=4711, gid=4711)


def scope(*headers: tuple[bytes, bytes], peer: Peer | None = None) -> dict[str, object]:
    return {"type": "http", "headers": list(headers), "state": {"peer": peer}}


def gate(**settings: object) -> Gate:
    return Gate(config(**settings), account=lambda _: ANA)  # type: ignore[arg-type]


def test_without_users_everybody_whom_the_socket_lets_in_may_look() -> None:
    assert role_of(PEER, ANA, {}) is Role.VIEW


@pytest.mark.parametrize("uid", [0, os.geteuid()])
def test_root_and_the_daemons_own_user_are_admin(uid: int) -> None:
    assert role_of(Peer(1, uid, uid), Account("someone", frozenset()), {}) is Role.ADMIN


@pytest.mark.parametrize(
    ("users", "role"),
    [
        ({"ana": Role.OPERATE}, Role.OPERATE),
        ({"@ops": Role.ADMIN}, Role.ADMIN),
        ({"@ops": Role.OPERATE, "@users": Role.VIEW}, Role.OPERATE),
        ({"ana": Role.VIEW, "@ops": Role.ADMIN}, Role.VIEW),
        ({"ops": Role.ADMIN, "@ana": Role.ADMIN, "bob": Role.ADMIN}, Role.VIEW),
    ],
)
def test_an_entry_for_the_user_goes_before_groups_and_among_groups_the_highest_counts(
    users: dict[str, Role], role: Role
) -> None:
    assert role_of(PEER, ANA, users) is role


def test_a_unix_peer_is_known_by_its_user_name_and_tcp_is_tcp() -> None:
    doors = gate(users={"ana": Role.OPERATE}, tcp_role=Role.OPERATE)
    assert doors.admit(scope(peer=PEER)) == Caller("ana", Role.OPERATE, origin="unix uid 4711")
    assert doors.admit(scope()) == Caller("tcp", Role.OPERATE, anonymous=True, origin="tcp")


@pytest.mark.parametrize("host", [b"localhost", b"LocalHost:9095", b"127.0.0.1:80", b"[::1]", b"[::1]:9095", b""])
def test_this_machines_names_are_let_in(host: bytes) -> None:
    gate().admit(scope((b"host", host)))


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"localhost.",
        b"127.0.0.1.nip.io",
        b"127.0.0.2",
        b"localhost:80@evil.example",
        b"[::1]evil.example",
        b"::1",
        b"rtmd",
        b"\xff",
    ],
)
def test_another_host_is_refused_over_tcp(host: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        gate().admit(scope((b"host", b"localhost"), (b"host", host)))
    assert refused.value.status_code == 403


def test_an_origin_is_refused_everywhere() -> None:
    for peer in (None, PEER):
        with pytest.raises(HTTPException) as refused:
            gate().admit(scope((b"origin", b"http://localhost"), peer=peer))
        assert refused.value.status_code == 403


def test_an_empty_origin_is_that_of_a_proxy_which_cleared_it() -> None:
    assert gate().admit(scope((b"origin", b""))).name == "tcp"
    with pytest.raises(HTTPException):
        gate().admit(scope((b"origin", b""), (b"origin", b"null")))


def test_a_missing_role_is_said_by_name() -> None:
    with pytest.raises(HTTPException, match="needs the role admin; ana has operate"):
        require({CALLER: Caller("ana", Role.OPERATE)}, Role.ADMIN)


def test_accounts_come_from_the_machine_and_an_unknown_uid_is_its_number() -> None:
    accounts = Accounts()
    assert accounts.find(Peer(1, 0, 0)).name == "root"
    assert accounts.find(Peer(1, 4_000_123, 4_000_123)) == Account("4000123", frozenset())


@pytest.mark.parametrize(
    ("asked", "left"), [(b"view", Role.VIEW), (b"operate", Role.OPERATE), (b"admin", Role.OPERATE), (b"", Role.OPERATE)]
)
def test_a_request_may_give_up_a_part_of_its_role_and_never_gain_one(asked: bytes, left: Role) -> None:
    doors = gate(users={"ana": Role.OPERATE}, tcp_role=Role.OPERATE)
    assert doors.admit(scope((b"rtmd-role", asked))).role is left
    assert doors.admit(scope((b"rtmd-role", asked), peer=PEER)).role is left


def test_a_role_that_there_is_not_is_refused() -> None:
    with pytest.raises(HTTPException) as refusal:
        gate().admit(scope((b"rtmd-role", b"king")))
    assert refusal.value.status_code == 400
