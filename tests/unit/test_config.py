"""rtmd.toml: defaults, every key, mistakes at their place, secrets nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes_config import BASE, SECRET, load, problems_of

from rtmd.config import (
    Address,
    CommandAction,
    CommandReceiver,
    GraphiteSource,
    HostSource,
    Limits,
    LogReceiver,
    Role,
    ScrapeSource,
    StatsdSource,
    TcpListen,
    UnixListen,
    WebhookReceiver,
    default_socket,
    default_state,
)
from rtmd.model.external import ExternalPolicy
from rtmd.model.policy import Policy
from rtmd.model.rule import StageName

HASH = "sha256:" + "0f" * 32


def test_an_empty_file_runs() -> None:
    config = load("")
    assert config.daemon.rules == (BASE / "rules",)
    assert config.daemon.state == Path("/home/ana/.local/state/rtmd")
    assert config.daemon.listen == (UnixListen(Path("/home/ana/.local/state/rtmd/rtmd.sock")),)
    assert (config.daemon.tcp_role, config.daemon.react, config.daemon.name) == (Role.VIEW, True, "rtmd")
    assert config.receivers == {"log": LogReceiver("log")}
    assert (config.sources, config.policy, config.limits) == ((), Policy(), Limits())


def test_everything_can_be_said() -> None:
    config = load("""
[daemon]
rules = ["rules", "/srv/rules", "~/mine"]
state = "state"
listen = ["unix:run/rtmd.sock", "tcp:127.0.0.1:9095", "tcp:[::1]:9096", "tcp:localhost:1"]
name = "war room"
tcp_role = "operate"
react = "off"
[sources.host]
[sources.node]
kind = "scrape"
url = "http://127.0.0.1:9100/metrics"
every = "1s"
lateness = "5m"
[sources.statsd]
[sources.counts]
kind = "statsd"
listen = "[::1]:9125"
every = "10s"
[sources.graphite]
[sources.old]
kind = "graphite"
listen = "localhost:2103"
lateness = "5m"
[receivers.desk]
kind = "webhook"
url = "https://hooks.example/x"
timeout = "3s"
[receivers.page]
kind = "command"
argv = ["bin/page", "{brand}"]
[actions.hold]
kind = "command"
argv = ["queue", "hold"]
undo = ["queue", "release"]
[route]
receiver = "desk"
[users]
ana = "operate"
"@ops" = "admin"
[limits]
series = 5
sample_log = "30m"
""")
    daemon = config.daemon
    assert daemon.rules == (BASE / "rules", Path("/srv/rules"), Path("/home/ana/mine"))
    assert (daemon.state, daemon.name, daemon.tcp_role, daemon.react) == (
        BASE / "state",
        "war room",
        Role.OPERATE,
        False,
    )
    assert daemon.listen == (
        UnixListen(BASE / "run/rtmd.sock"),
        TcpListen("127.0.0.1", 9095),
        TcpListen("::1", 9096),
        TcpListen("localhost", 1),
    )
    assert config.sources == (
        HostSource("host"),
        ScrapeSource("node", "http://127.0.0.1:9100/metrics", every=1000, timeout=1000, lateness=300_000),
        StatsdSource("statsd", Address("127.0.0.1", 8125), every=1000),
        StatsdSource("counts", Address("::1", 9125), every=10_000),
        GraphiteSource("graphite", Address("127.0.0.1", 2003), lateness=60_000),
        GraphiteSource("old", Address("127.0.0.1", 2103), lateness=300_000),
    )
    assert config.receivers == {
        "log": LogReceiver("log"),
        "desk": WebhookReceiver("desk", "https://hooks.example/x", timeout=3000),
        "page": CommandReceiver("page", ("/etc/rtmd/bin/page", "{brand}")),
    }
    assert config.actions == {"hold": CommandAction("hold", ("queue", "hold"), ("queue", "release"))}
    assert config.policy.route.receiver == "desk"
    assert config.users == {"ana": Role.OPERATE, "@ops": Role.ADMIN}
    assert config.limits == Limits(series=5, sample_log=1_800_000)


@pytest.mark.parametrize(
    ("env", "state", "socket"),
    [
        (
            {"STATE_DIRECTORY": "/var/lib/rtmd:/other", "RUNTIME_DIRECTORY": "/run/rtmd"},
            "/var/lib/rtmd",
            "/run/rtmd/rtmd.sock",
        ),
        ({"XDG_STATE_HOME": "/s", "XDG_RUNTIME_DIR": "/run/user/1"}, "/s/rtmd", "/run/user/1/rtmd/rtmd.sock"),
        ({"STATE_DIRECTORY": "relative", "HOME": "/h"}, "/h/.local/state/rtmd", "/h/.local/state/rtmd/rtmd.sock"),
    ],
)
def test_defaults_follow_systemd_and_then_the_user(env: dict[str, str], state: str, socket: str) -> None:
    config = load("", **env)
    assert config.daemon.state == Path(state)
    assert config.daemon.listen == (UnixListen(Path(socket)),)
    assert (
        default_state({"HOME": "/home/ana", **env}),
        default_socket(env | {"HOME": env.get("HOME", "/home/ana")}),
    ) == (
        Path(state),
        Path(socket),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[deamon]", '1:2: deamon is not known: did you mean "daemon"?'),
        ("[daemon]\nlissen = 'x'", '2:1: daemon.lissen is not known: did you mean "listen"?'),
        ("[daemon]\nheartbeat = 'x'", "2:13: daemon.heartbeat must be an address like"),
        ("[daemon]\nlang = 'de'", '2:8: daemon.lang must be one of "en", "fr"'),
        ("[daemon]\nzone = 'Europe/Pari'", '2:8: daemon.zone must be a time zone like "Europe/Paris"'),
        ("[daemon]\nzone = '../../etc/passwd'", "2:8: daemon.zone must be a time zone"),
        ("[tokens.x]\nhash = 'x'\nrole = 'view'", '2:8: tokens.x.hash must be "sha256:" and 64 hex digits'),
        ("[tokens.x]\nrole = 'view'", "1:9: tokens.x: hash is missing"),
        (f"[tokens.x]\nrole = 'root'\nhash = '{HASH}'", "2:8: tokens.x.role"),
        (f"[tokens.'a b']\nrole = 'view'\nhash = '{HASH}'", "1:9: tokens.a b: a token's name is made of"),
        (f"[tokens.x]\nrole = 'view'\nhash = '{HASH}'\nexpires = 'soon'", "4:11: tokens.x.expires must be a day"),
        ("[daemon]\nhosts = ['https://x']", '2:9: daemon.hosts has "https://x", which is no name of a host'),
        (
            "[route]\nreceiver = 'dsk'\n[receivers.desk]\nkind = 'log'",
            '2:12: route.receiver names "dsk", which does not exist: did you mean "desk"?',
        ),
        ("[daemon]\nlisten = 'tcp:0.0.0.0:80'", "2:10: daemon.listen offers TCP beyond loopback"),
        ("[daemon]\nlisten = ['tcp:example.org:80']", "2:10: daemon.listen must name an address by its number"),
        ("[daemon]\nlisten = ['tcp:127.0.0.1:99999']", '2:10: daemon.listen must be "unix:PATH" or "tcp:HOST:PORT"'),
        ("[daemon]\nlisten = ['http://x']", '2:10: daemon.listen must be "unix:PATH"'),
        (f"[daemon]\nlisten = 'unix:{'x' * 200}'", "2:10: daemon.listen names a socket with a path of more than"),
        ("[daemon]\ntcp_role = 'root'", '2:12: daemon.tcp_role must be one of "ingest", "view", "operate", "admin"'),
        ("[daemon]\nreact = 'maybe'", '2:9: daemon.react must be "on" or "off"'),
        ("[sources.x]", '1:10: sources.x.kind must be one of "host", "scrape", "statsd", "graphite", not "x"'),
        (
            "[sources.x]\nkind = 'scrap'",
            '2:1: sources.x.kind must be one of "host", "scrape", "statsd", "graphite", not "scrap": did you mean',
        ),
        ("[sources.statsd]\nlisten = '0.0.0.0:8125'", "2:10: sources.statsd.listen cannot be beyond loopback"),
        ("[sources.graphite]\nlisten = '[::]:2003'", "2:10: sources.graphite.listen cannot be beyond loopback"),
        ("[sources.graphite]\nlisten = '2003'", '2:10: sources.graphite.listen must be "HOST:PORT", not "2003"'),
        ("[sources.statsd]\nlisten = '127.0.0.1:65536'", '2:10: sources.statsd.listen must be "HOST:PORT"'),
        ("[sources.statsd]\nlateness = '1s'", "2:1: sources.statsd.lateness is not known"),
        ("[sources.statsd]\nevery = '1ms'", "2:9: sources.statsd.every must be at least 100 ms"),
        ("[sources.scrape]", "1:10: sources.scrape: url is missing"),
        ("[sources.host]\nevery = '10ms'", "2:9: sources.host.every must be at least 100 ms"),
        ("[sources.scrape]\nurl = 'ftp://x'", "2:7: sources.scrape.url must be an address like"),
        (
            "[sources.scrape]\nurl = 'http://x/y'\nbirth_zero = true",
            "3:1: sources.scrape.birth_zero is not supported yet",
        ),
        ("[receivers.log]\nkind = 'webhook'\nurl = 'http://x'", '2:1: receivers.log.kind must be "log"'),
        ("[receivers.command]\nargv = []", "2:8: receivers.command.argv must not be empty"),
        ("[actions.x]", "1:10: actions.x: argv is missing"),
        ("[actions.x]\nargv = 'rm -rf'", "2:8: actions.x.argv must be a list"),
        ("[actions.x]\nargv = ['{brand}']", "2:8: actions.x.argv cannot choose its program by a label"),
        ("[actions.x]\nkind = 'webhook'", "1:10: actions.x: url is missing"),
        (
            "[actions.x]\nargv = ['a']\nat_most = '4/week'",
            '3:11: actions.x.at_most must be a number of runs in a time, like "4/h" (s, m, h or d), not "4/week"',
        ),
        ("[users]\nana = 'boss'", '2:7: users.ana must be one of "ingest"'),
        ("[limits]\nseries = 0", "2:10: limits.series must be between 1 and"),
        ("[limits]\nseries = '5'", "2:10: limits.series must be a whole number, not text"),
        ("[limits]\nserie = 5", '2:1: limits.serie is not known: did you mean "series"?'),
        ("x = [", "1: "),
        ("daemon = 3", "1:10: daemon must be a table, not a number"),
    ],
)
def test_mistakes_are_named_at_their_place(text: str, problem: str) -> None:
    (found,) = problems_of(text)
    assert found.startswith(problem)


def test_a_credential_comes_from_systemd_or_from_the_folder_beside_the_file() -> None:
    text = "[receivers.webhook]\nurl = 'https://x/${cred:NAME}'"
    one = load(text.replace("NAME", "hook")).receivers["webhook"]
    two = load(text.replace("NAME", "given"), CREDENTIALS_DIRECTORY="/run/cred").receivers["webhook"]
    assert isinstance(one, WebhookReceiver)
    assert isinstance(two, WebhookReceiver)
    assert one.url == two.url == f"https://x/{SECRET}"
    assert SECRET not in repr(one)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://x/${cred:none}", "no such file"),
        ("https://x/${cred:../../etc/passwd}", "is no file name"),
        ("${cred:hook}", "must be an address"),
        ("https://x:99999999/${cred:hook}", "must be an address"),
        ("https://x/${cred:broken}", "blanks or control characters"),
    ],
)
def test_a_secret_is_never_part_of_a_problem(url: str, problem: str) -> None:
    (found,) = problems_of(f"[receivers.webhook]\nurl = '{url}'")
    assert problem in found
    assert SECRET not in found
    assert "spa ce" not in found


def test_every_problem_is_reported() -> None:
    text = "[daemon]\nlisten = 'x'\nreact = 3\n[users]\nana = 1\n[route]\nreceiver = 'y'"
    assert [problem.split(":")[0] for problem in problems_of(text)] == ["2", "3", "5", "7"]


def test_what_others_post_has_a_stage_and_a_timeout() -> None:
    text = '[external]\nstage = "seconds"\nresolve_timeout = "1m"\n[limits]\nexternal_alerts = 5\n'
    assert load(text).external == ExternalPolicy(StageName.SECONDS, 60_000, 5)
    assert load("").external == ExternalPolicy()
