"""Tokens: who shows one, what it lets do, and what becomes of wrong ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import StillClock
from fakes_api import Served, config, serving
from fakes_config import load, problems_of
from starlette.exceptions import HTTPException

from rtmd.api.auth import Caller, Gate, Peer
from rtmd.api.sockets import open_listeners
from rtmd.api.tokens import WRONG_A_MINUTE, Tokens, new_token
from rtmd.cli import main
from rtmd.config import Role, TcpListen, Token
from rtmd.errors import ListenError
from rtmd.model.effects import Audited
from rtmd.model.replace import replace
from rtmd.runtime.denials import MOST_A_MINUTE, Denials
from rtmd.runtime.storage import open_storage
from rtmd.store.audit import read_audit

BASE = "/api/rtmd/v1"
MADE = {role: new_token() for role in Role}
TOKENS = {f"{role}er": Token(f"{role}er", role, MADE[role][1].removeprefix("sha256:")) for role in Role}
SAMPLES = [{"metric": "m", "value": 1}]


def shown(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {MADE[role][0]}"}


def scope(sent: str = "", *, client: str = "10.0.0.7", host: str = "", peer: Peer | None = None) -> dict[str, object]:
    """A request from elsewhere, to 10.0.0.1."""
    headers = [(b"authorization", sent.encode())] if sent else []
    headers += [(b"host", host.encode())] if host else []
    here = {"client": (client, 5000), "server": ("10.0.0.1", 9095)}
    return {"type": "http", "headers": headers, "state": {"peer": peer}, **({} if peer else here)}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tokens=TOKENS)) as running:
        yield running


async def rtmd(served: Served, *arguments: str, **env: str) -> Result:
    where = {"RTMD_CONNECT": f"tcp:127.0.0.1:{served.port}"}
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=where | env)


def test_a_token_is_known_by_its_hash_under_both_schemes_and_says_who_and_from_where() -> None:
    gate = Gate(config(tokens=TOKENS))
    for scheme in ("Bearer", "bearer", "Token"):
        caller = gate.admit(scope(f"{scheme} {MADE[Role.OPERATE][0]}"))
        assert caller == Caller("token:operateer", Role.OPERATE, anonymous=True, origin="tcp 10.0.0.7", sends=False)
    assert MADE[Role.OPERATE][0] not in repr(TOKENS) + repr(gate.tokens)
    assert MADE[Role.OPERATE][1].removeprefix("sha256:") not in repr(TOKENS)


@pytest.mark.parametrize("sent", ["", "Basic YW5hOmI="])
def test_who_shows_none_is_known_on_this_machine_only(sent: str) -> None:
    gate = Gate(config(tokens=TOKENS, tcp_role=Role.OPERATE))
    assert gate.admit(scope(sent, client="127.0.0.1")).role is Role.OPERATE
    for client in ("10.0.0.7", "2001:db8::1", "::ffff:10.0.0.7", "nonsense"):
        with pytest.raises(HTTPException, match="a token is needed") as refused:
            gate.admit(scope(sent, client=client))
        assert (refused.value.status_code, refused.value.headers) == (401, {"WWW-Authenticate": "Bearer"})


@pytest.mark.parametrize("sent", ["Bearer", "Bearer rtmd_x", "Bearer \xff", "Bearer {hash}", "Token x"])
def test_a_wrong_token_is_refused_though_the_same_peer_without_one_would_be_let_in(sent: str) -> None:
    gate = Gate(config(tokens=TOKENS))
    sent = sent.format(hash=MADE[Role.VIEW][1])
    for asked in (scope(sent, client="127.0.0.1"), scope(sent, peer=Peer(1, 0, 0))):
        with pytest.raises(HTTPException, match="not known here") as refused:
            gate.admit(asked)
        assert refused.value.status_code == 401


def test_a_token_ends_with_its_last_day() -> None:
    made, digest = new_token()
    [token] = load(f"[tokens.a]\nrole = 'view'\nhash = '{digest}'\nexpires = '2026-12-31'").tokens.values()
    for wall, known in ((1_798_761_599.9, True), (1_798_761_600.0, False)):  # 2027-01-01T00:00:00Z
        tokens = Tokens({"a": token}, wall=lambda wall=wall: wall)  # type: ignore[misc]
        if known:
            assert tokens.find(f"Bearer {made}", "x") == token
        else:
            with pytest.raises(HTTPException, match="the token a has expired"):
                tokens.find(f"Bearer {made}", "x")


def test_ten_wrong_ones_a_minute_are_enough_and_others_are_not_kept_out() -> None:
    now = [0.0]
    tokens = Tokens(TOKENS, clock=lambda: now[0])
    right = f"Bearer {MADE[Role.VIEW][0]}"

    def status(sent: str, address: str = "bad") -> int:
        try:
            tokens.find(sent, address)
        except HTTPException as refused:
            return refused.status_code
        return 200

    assert [status("Bearer x") for _ in range(WRONG_A_MINUTE + 1)] == [401] * WRONG_A_MINUTE + [429]
    assert (status(right), status(right, "good")) == (429, 200)
    again = Tokens(TOKENS, clock=lambda: now[0])
    again.adopt(tokens)  # a reload forgives nothing
    with pytest.raises(HTTPException, match="too many"):
        again.find(right, "bad")
    now[0] = 60.1
    assert status(right) == 200


def test_names_that_are_not_this_machines_are_refused_with_a_token_too() -> None:
    made = f"Bearer {MADE[Role.VIEW][0]}"
    settings = config(tokens=TOKENS)
    gate = Gate(replace(settings, daemon=replace(settings.daemon, hosts=("war-room.example",))))
    for host in ("10.0.0.1", "10.0.0.1:9095", "war-room.example:9095", "localhost"):
        assert gate.admit(scope(made, host=host)).name == "token:viewer"
    for host in ("10.0.0.2", "evil.example", "war-room.example.evil.example"):
        with pytest.raises(HTTPException, match="another host"):
            gate.admit(scope(made, host=host))


@pytest.mark.parametrize(
    ("role", "sends", "reads", "silences", "reloads"),
    [
        (Role.INGEST, 200, 403, 403, 403),
        (Role.VIEW, 403, 200, 403, 403),
        (Role.OPERATE, 403, 200, 200, 403),
        (Role.ADMIN, 200, 200, 200, 200),
    ],
)
async def test_what_each_role_may_do(
    served: Served, role: Role, sends: int, reads: int, silences: int, reloads: int
) -> None:
    ask = served.tcp
    assert (await ask.post("/api/v1/samples", json=SAMPLES, headers=shown(role))).status_code == sends
    assert (await ask.post("/api/v2/alerts", json=[], headers=shown(role))).status_code == sends
    for path in ("/firings", "/silences", "/status"):
        assert (await ask.get(BASE + path, headers=shown(role))).status_code == reads
    answer = await ask.post(f"{BASE}/silence", json={"firing": "f1"}, headers=shown(role))
    assert answer.status_code == silences
    assert (await ask.post("/-/reload", headers=shown(role))).status_code == reloads


async def test_what_a_token_changes_bears_its_name_and_where_it_came_from(served: Served) -> None:
    await served.tcp.post(f"{BASE}/ack", json={"firing": "f1"}, headers=shown(Role.OPERATE))
    [ack] = served.desk.asked
    assert (getattr(ack, "by", ""), getattr(ack, "origin", "")) == ("token:operateer", "tcp 127.0.0.1")


async def test_who_tries_what_they_may_not_is_written_down_and_who_only_looks_is_not(served: Served) -> None:
    await served.tcp.post(f"{BASE}/silence", json={"firing": "f1"}, headers=shown(Role.VIEW))
    await served.tcp.get(f"{BASE}/firings", headers={"Authorization": "Bearer guess"})
    await served.tcp.get(f"{BASE}/firings", headers=shown(Role.INGEST))
    told = [(each.by, each.verb, each.object, each.origin) for each in served.desk.attempts]
    assert told == [
        ("token:viewer", "denied", f"POST {BASE}/silence", "tcp 127.0.0.1"),
        ("nobody", "denied", f"GET {BASE}/firings", "tcp 127.0.0.1"),
    ]


def test_tcp_beyond_loopback_does_not_start_without_tokens() -> None:
    listen = "[daemon]\nlisten = ['tcp:0.0.0.0:9095']\n"
    [problem] = problems_of(listen)
    assert "daemon.listen offers TCP beyond loopback" in str(problem)
    settings = load(f"{listen}[tokens.a]\nrole = 'ingest'\nhash = '{MADE[Role.INGEST][1]}'\n")
    assert settings.daemon.listen == (TcpListen("0.0.0.0", 9095),)  # noqa: S104  # it is what this is about
    with pytest.raises(ListenError, match="beyond loopback needs tokens"):
        open_listeners([TcpListen("0.0.0.0", 0)])  # noqa: S104
    [listener] = open_listeners([TcpListen("0.0.0.0", 0)], beyond=True)  # noqa: S104
    listener.close()


def test_a_new_token_is_shown_with_what_rtmd_toml_wants() -> None:
    result = CliRunner().invoke(main, ["token", "new", "grafana", "--role", "operate", "--expires", "2027-01-31"])
    made, toml = result.output.splitlines()[0], result.output[result.output.index("[tokens") :]
    [token] = load(toml).tokens.values()
    assert (token.name, token.role) == ("grafana", Role.OPERATE)
    assert Tokens({"grafana": token}, wall=lambda: 0.0).find(f"Bearer {made}", "x") == token
    assert made not in toml
    for wrong in (["a b"], ["a", "--expires", "soon"], ["a", "--role", "root"]):
        assert CliRunner().invoke(main, ["token", "new", *wrong]).exit_code == 2


async def test_the_command_line_shows_its_token(served: Served) -> None:
    told = await rtmd(served, "firings", RTMD_TOKEN=MADE[Role.VIEW][0])
    assert (told.exit_code, "f1" in told.output) == (0, True)
    assert "not known here" in (await rtmd(served, "firings", RTMD_TOKEN="guess")).output  # noqa: S106  # it is none
    assert "RTMD_TOKEN is no token" in (await rtmd(served, "firings", RTMD_TOKEN="a\nb")).output  # noqa: S106


async def test_denials_are_written_down_as_far_as_there_is_room_for_them_in_a_minute(tmp_path: Path) -> None:
    clock = StillClock(1_790_000_040_000)
    async with AsyncExitStack() as stack:
        storage = replace(await open_storage(load(f"[daemon]\nstate = '{tmp_path}'"), stack), clock=clock)
        denials = Denials(storage)
        for _ in range(MOST_A_MINUTE + 7):
            denials.note(Audited(0, "nobody", "denied", "POST /x", "a token is needed", "tcp 10.0.0.7"))
        clock.at += 60_000
        denials.note(Audited(0, "nobody", "denied", "POST /x"))
        await storage.store.commit([Audited(1, "ana", "ack", "f1")])
        lines = read_audit(storage.store.path, since=0, by="", what="", limit=100)
    assert len([line for line in lines if line.by == "nobody"]) == MOST_A_MINUTE + 1
    [count] = [line for line in lines if line.by == "rtmd"]
    assert count.detail == "7 more refusals were not written down"
    assert lines[0].at == 1_790_000_040_000
