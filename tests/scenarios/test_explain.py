"""Why somebody was told, or was not: the story of a firing as the disk tells it (semantics S5, S6, S10)."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from scenarios.score import START, Score

from rtmd.model.effects import Durable, Journaled, Notify
from rtmd.model.firing import Exemplar
from rtmd.model.inputs import DeliveryDone, MarkMade, ReactionsLoaded
from rtmd.model.mark import MarkKind
from rtmd.pipeline.history import Past, entries
from rtmd.pipeline.standings import known, of_receiver, standings
from rtmd.store.past import read_past
from rtmd.store.state import StateStore
from rtmd.wire.explain import EntryView, StandingView

HOT = """
[rules.hot]
signal = 'm'
reopen = '0s'
[rules.hot.seconds]
above = 10
notify = ["desk"]
[rules.hot.minutes]
above = 10
for = "20s"
notify = ["lead"]
"""


def night() -> Score:
    return Score(HOT, ReactionsLoaded(frozenset({"log", "desk", "lead"})))


async def on_disk(score: Score, folder: Path) -> Path:
    """Everything that was decided so far, in a store of its own."""
    path = folder / f"{len(score.effects)}.db"
    store = StateStore(path)
    await store.commit([effect for _, effect in score.effects if isinstance(effect, get_args(Durable))])
    store.close()
    return path


async def past(score: Score, folder: Path) -> Past:
    path = await on_disk(score, folder)
    store = StateStore(path)
    found = read_past(path, score.firings[0].id)
    store.close()
    assert found is not None
    return found


async def story(score: Score, folder: Path, receiver: str = "") -> list[tuple[float, str, str]]:
    return [((entry.at - START) / 1000, entry.kind, entry.text) for entry in await told(score, folder, receiver)]


async def told(score: Score, folder: Path, receiver: str = "") -> list[EntryView]:
    return entries(await past(score, folder), 0, receiver)


async def now(score: Score, folder: Path, receiver: str) -> StandingView:
    found = await past(score, folder)
    at = START + round(score.second * 1000)
    firing = score.pipeline.firing(found.firing.id) or found.firing
    standing = known(standings(score.pipeline, firing, at), found.ledger, 0)
    return of_receiver(standing, receiver, firing)[0]


async def test_the_story_goes_from_what_was_seen_to_who_was_told_and_how_it_ended(tmp_path: Path) -> None:
    score = night()
    score.send(1, MarkMade(1, "ci", MarkKind.DEPLOY, "v2.3"))
    score.push(2, 'm{i="1"}', 50, Exemplar("ouch"))
    score.ack(5, score.firing.id)
    score.push(9, 'm{i="1"}', 1)
    score.run(60)
    what = "after 8s; peak 50; ana had it; not confirmed so far"
    assert await story(score, tmp_path) == [
        (1.0, "mark", "deploy: v2.3"),
        (2.0, "transition", "the firing opens, at seconds"),
        (2.0, "transition", "seconds fires: condition became true (50)"),
        (2.0, "told", "desk is told: firing (first firing): condition became true"),
        (5.0, "transition", "minutes: condition became true (50)"),
        (5.0, "ack", "ana has it"),
        (10.0, "transition", "seconds ends: cleared (1)"),
        (10.0, "transition", "resolved: cleared"),
        (10.0, "told", f"desk is told: resolved (all resolved): cleared; {what}"),
        (22.0, "outcome", "seconds turned out: false start"),
    ]


async def test_a_stage_that_fired_brings_its_evidence(tmp_path: Path) -> None:
    score = night()
    score.push(2, 'm{i="1"}', 50)
    (fired,) = [entry for entry in await told(score, tmp_path) if entry.text.startswith("seconds fires")]
    assert fired.more == ["window: 50  m > 10"]


async def test_why_desk_was_not_told_is_the_silence_its_author_and_its_end(tmp_path: Path) -> None:
    score = night()
    score.silence(1, "rule=hot", 600)
    score.push(2, 'm{i="1"}', 50)
    score.run(10)
    (held,) = [entry for entry in await told(score, tmp_path, "desk") if entry.kind == "suppressed"]
    assert held.text == "not told to desk: silenced by ana until 16:10 UTC"
    standing = await now(score, tmp_path, "desk")
    assert (standing.knows, standing.withheld) == ("withheld", "silenced by ana until 16:10 UTC")
    assert standing.held_by == "silenced by ana until 16:10 UTC"


async def test_what_waits_for_its_group_says_until_when(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    score.run(26)  # minutes fires at 25, and its groups wait for 15 s
    standing = await now(score, tmp_path, "lead")
    assert (standing.knows, standing.stage, standing.looks_at) == ("", "minutes", START + 40_000)
    score.run(41)
    assert (await now(score, tmp_path, "lead")).knows == "firing"


async def test_who_is_in_no_route_is_told_so(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    assert (await now(score, tmp_path, "boss")).note == "nothing leads from this firing to boss"
    shadowed = Score(HOT.replace("reopen", "shadow = true\nreopen"))
    shadowed.push(1, 'm{i="1"}', 50)
    assert "in shadow" in (await now(shadowed, tmp_path, "desk")).note


async def test_whoever_has_it_stops_the_repeats_and_is_named(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    score.ack(2, score.firing.id, by="kim")
    standing = await now(score, tmp_path, "desk")
    assert (standing.acked_by, standing.acked_until) == ("kim", START + 902_000)


async def test_what_became_of_a_message_is_said_beside_it(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    (message,) = [effect.notification for effect in score.of(Notify)]
    path = await on_disk(score, tmp_path)
    for change, said in (
        (None, "on its way"),
        (
            ("postpone", {"attempts": 3, "due": 0, "error": "answered 503"}),
            "not delivered yet, 3 attempts: answered 503",
        ),
        (("bury", {"error": "answered 410"}), "given up after 3 attempts: answered 410"),
        (("confirm", {}), "delivered"),
    ):
        store = StateStore(path)
        if change:
            await getattr(store, change[0])(message.key, **change[1])
        found = read_past(path, score.firing.id)
        store.close()
        assert found is not None
        (entry,) = [entry for entry in entries(found, 0) if entry.kind == "told"]
        assert (entry.more, entry.waits) == ([said], said.startswith(("on its way", "not delivered yet")))


async def test_a_receiver_that_refused_is_named(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    (message,) = [effect.notification for effect in score.of(Notify)]
    score.send(2, DeliveryDone(message.key, "desk", message.firing_ids, "answered 410"))
    assert (2.0, "delivery", "desk was not told: answered 410") in await story(score, tmp_path, "desk")
    assert all("410" not in text for _, _, text in await story(score, tmp_path, "lead"))


async def test_when_a_message_arrived_is_told_and_at_which_attempt(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    (message,) = [effect.notification for effect in score.of(Notify)]
    score.send(2.5, DeliveryDone(message.key, "desk", message.firing_ids, attempts=3))
    assert (2.5, "delivery", "desk has it, at attempt 3") in await story(score, tmp_path, "desk")


async def test_kinds_that_nobody_knows_are_told_as_they_stand(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    line = Journaled(START + 1_500, "teleport", "hot", score.firing.id, "went elsewhere", {"note": "for good"})
    score.effects.append((1.5, line))
    (entry,) = [entry for entry in await told(score, tmp_path) if entry.kind == "teleport"]
    assert (entry.text, entry.more) == ("went elsewhere", ["for good"])


async def test_what_is_about_everything_meanwhile_is_in_it_and_other_firings_are_not(tmp_path: Path) -> None:
    score = night()
    score.push(1, 'm{i="1"}', 50)
    score.push(2, 'm{i="2"}', 50)
    score.reload(3, HOT.replace("20s", "25s"))
    gap = Journaled(START + 4_000, "gap", text="nobody watched for 9 s: suspended")
    score.effects.append((4, gap))
    found = await told(score, tmp_path)
    assert [entry.text for entry in found if entry.kind == "gap"] == ["nobody watched for 9 s: suspended"]
    assert len([entry for entry in found if "opens" in entry.text]) == 1


async def test_a_firing_that_nobody_remembers_has_no_story(tmp_path: Path) -> None:
    path = await on_disk(night(), tmp_path)
    store = StateStore(path)
    assert read_past(path, "nonesuch") is None
    store.close()
