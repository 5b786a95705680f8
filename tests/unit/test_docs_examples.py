"""Every example of the documentation that can be tried without a daemon is tried; every link leads somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import sqlite3
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from rtmd.cli import VERBS, main
from rtmd.config import load_config
from rtmd.errors import PromqlError
from rtmd.formats.batch import SeriesTable
from rtmd.formats.graphite import GraphiteDecoder
from rtmd.formats.influx import InfluxDecoder
from rtmd.formats.samples_json import decode_samples
from rtmd.rulefile.load import load_rules
from rtmd.store.state import StateStore
from rtmd.wire.bodies import ActionBody, NotificationBody

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
AT = 1_790_000_000_000
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([\w./:#-]+)\)")


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(TEXTS[page]) if kind == language]


def commands() -> list[tuple[str, str]]:
    """Every `rtmd …` that is shown being typed: page and line."""
    found = []
    for page, text in TEXTS.items():
        for kind, block in _BLOCK.findall(text):
            for line in block.splitlines() if kind in ("", "sh") else ():
                typed = re.match(r"(?:\$ )?(?:/\S+/)?rtmd ((?!demo:).*)", line)
                if typed:
                    found.append((page, re.split(r"\s[|>#]|  ", typed[1])[0].strip()))
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_that_is_shown_is_understood(page: str, line: str) -> None:
    words = [word for word in shlex.split(line) if not word.startswith("[")]
    if words[-1] == "add|list|expire":  # the overview: each of them
        words = ["silence", "list"]
    if "|" in words[-1]:
        words[-1] = words[-1].partition("|")[0]
    command: click.Command = main
    context = click.Context(main, info_name="rtmd")
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{page}: there is no verb {name}"
        command = found
    try:
        command.make_context(command.name, words)
    except click.BadParameter as error:
        assert "does not exist" in str(error), page  # a file of the example  # noqa: PT017
    except click.exceptions.Exit:
        pass


def test_every_verb_stands_in_the_overview() -> None:
    overview = blocks("docs/cli.md", "")[0]
    assert [verb for verb in VERBS if not re.search(rf"^rtmd {verb}\b", overview, re.MULTILINE)] == []


def test_the_library_does_what_its_examples_say() -> None:
    (block,) = blocks("docs/promql.md", "python")
    known: dict[str, object] = {}
    tried = 0
    for line in block.splitlines():
        code, _, says = line.partition("  # ")
        if not says:
            exec(code, known)  # noqa: S102  # our own page
            continue
        tried += 1
        if says.startswith("PromqlError: "):
            with pytest.raises(PromqlError) as caught:
                eval(code, known)  # noqa: S307
            assert caught.value.problem.startswith(says.removeprefix("PromqlError: "))
        else:
            assert eval(code, known) == ast.literal_eval(says), line  # noqa: S307
    assert tried >= 10


def test_bodies_of_messages_and_actions_are_what_the_wire_says() -> None:
    (notification,), (action,) = blocks("docs/receivers.md", "json"), blocks("docs/actions.md", "json")
    for text, kind in ((notification, NotificationBody), (action, ActionBody)):
        body = msgspec.json.decode(text, type=kind)
        assert msgspec.json.decode(msgspec.json.encode(body)) == msgspec.json.decode(text)


CREDENTIAL = "https://secret.example/x"  # serves as an address, a token and a password


def test_configurations_and_rules_outside_of_their_own_pages_load() -> None:
    for page in ("README.md", "docs/receivers.md", "docs/actions.md"):
        for text in blocks(page, "toml"):
            if "[rules." in text:
                assert load_rules({"mine.toml": text.encode()}).errors == (), page
            else:
                load_config(
                    text, file="rtmd.toml", base=Path("/etc/rtmd"), env={}, read_credential=lambda _: CREDENTIAL
                )


def test_yaml_is_yaml() -> None:
    texts = [text for page in TEXTS for text in blocks(page, "yaml")]
    assert len(texts) >= 3
    assert all(isinstance(yaml.safe_load(text), dict) for text in texts)


def test_samples_that_are_shown_being_sent_are_taken() -> None:
    shown = "".join(blocks("docs/ingest.md", "sh"))
    bodies = re.findall(r"/api/v1/samples -d '(.*?)'", shown, re.DOTALL)
    assert [len(decode_samples(body.encode(), SeriesTable(), at=AT).ids) for body in bodies] == [1, 2]
    (line,) = re.findall(r"--data-binary '(.*?)'", shown)
    assert len(InfluxDecoder(SeriesTable()).decode(line.encode(), at=AT, precision="s").ids) == 2
    paths = re.findall(r'^echo "(.*?)" \|', shown.replace("$(date +%s)", str(AT // 1000)), re.MULTILINE)
    assert len(paths) == 2
    assert all(len(GraphiteDecoder(SeriesTable()).decode(f"{path}\n".encode(), at=AT).ids) == 1 for path in paths)


def test_the_question_to_the_state_is_answered(tmp_path: Path) -> None:
    StateStore(tmp_path / "state.db").close()
    asked = [found for text in blocks("docs/state.md", "sh") for found in re.findall(r'state\.db "(.*?)"', text)]
    assert asked
    connection = sqlite3.connect(tmp_path / "state.db")
    assert [connection.execute(question).fetchall() for question in asked] == [[]] * len(asked)
    connection.close()


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page, text in TEXTS.items():
        for link in _LINK.findall(text):
            name, _, anchor = link.partition("#")
            if "://" in link:
                continue
            target = (ROOT / page).parent / name if name else ROOT / page
            if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
                broken.append(f"{page}: {link}")
    assert broken == []


def test_the_readme_leads_to_every_page() -> None:
    assert [page for page in TEXTS if page.startswith("docs/") and f"]({page})" not in TEXTS["README.md"]] == []
