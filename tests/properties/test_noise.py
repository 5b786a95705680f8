"""The noise board, taken in line by line and in pieces, is what one plain reading of the whole journal says."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from rtmd.alerting.noise import DAY, Noise
from rtmd.model.effects import Journaled

START = 1_790_000_000_000
RULES = ("a", "b")
STEPS = st.sampled_from(
    [
        ("transition", {"change": "opened"}),
        ("transition", {"change": "resolved"}),
        ("transition", {"change": "reopened"}),
        ("transition", {"change": "stage moved"}),
        ("outcome", {"stage": "seconds", "reason": "false start"}),
        ("outcome", {"stage": "seconds", "reason": "confirmed"}),
        ("outcome", {"stage": "minutes", "reason": "false start"}),
        ("outcome", {"stage": "seconds", "reason": "handled"}),
        ("outcome", {"stage": "seconds", "reason": "sustained"}),
        ("ack", {}),
        ("suppressed", {"limiter": "silenced"}),
        ("suppressed", {"limiter": "inhibited"}),
        ("action", {"state": "done"}),
        ("action", {"state": "failed"}),
        ("verdict", {"verdict": "real"}),
        ("verdict", {"verdict": "noise"}),
    ]
)


@st.composite
def journals(draw: st.DrawFn) -> list[Journaled]:
    """Each firing opens first; what else happens comes in any order and is woven together."""
    steps: list[tuple[int, int, str, dict[str, str]]] = []
    for number in range(draw(st.integers(0, 16))):
        moments = sorted(draw(st.lists(st.integers(0, 3 * DAY), min_size=1, max_size=7)))
        steps.append((moments[0], number, "transition", {"change": "opened"}))
        steps += [
            (moment, number, *draw(STEPS.filter(lambda step: step[1] != {"change": "opened"})))
            for moment in moments[1:]
        ]
    steps.sort(key=lambda step: step[0])
    return [
        Journaled(START + at, kind, RULES[number % 3 % 2], f"f{number}", detail=detail)
        for at, number, kind, detail in steps
    ]


def plain_score(lines: list[Journaled]) -> float:
    """How much of a noise one firing was."""
    words = [line.detail["verdict"] for line in lines if line.kind == "verdict"]
    if words:
        return 1.0 if words[-1] == "noise" else 0.0
    if any(line.detail.get("reason") == "handled" or line.detail.get("state") == "done" for line in lines):
        return 0.0
    changes = [line.detail["change"] for line in lines if line.kind == "transition"]
    ends = [change for change in changes if change in ("resolved", "reopened")]
    judged = [line.detail["reason"] for line in lines if line.detail.get("reason") in ("false start", "confirmed")]
    points = 2.0 * any(line.detail.get("limiter") == "silenced" for line in lines) + 1.0 * ("reopened" in changes)
    most = 3.0
    if ends and ends[-1] == "resolved":
        points, most = points + 2 * all(line.kind != "ack" for line in lines), most + 2
    if judged:
        points, most = points + 3 * judged.count("false start") / len(judged), most + 3
    return points / most


@given(journals(), st.integers(0, 3 * DAY), st.integers(0, 60))
def test_the_board_is_what_a_plain_reading_of_the_journal_says(
    journal: list[Journaled], offset: int, looked: int
) -> None:
    noise = Noise()
    for number, line in enumerate(journal):
        noise.take(line)
        if number == looked:  # looking changes nothing
            noise.board(START, line.at, RULES)
    since, at = START + offset, START + 3 * DAY
    courses: dict[str, list[Journaled]] = {}
    for line in journal:
        courses.setdefault(line.firing_id, []).append(line)
    board = {each.rule: each for each in noise.board(since, at, RULES)}
    for rule in RULES:
        mine = [lines for lines in courses.values() if lines[0].rule == rule and lines[0].at >= since]
        found = board[rule]
        assert found.firings == len(mine)
        ends = [[line for line in each if line.detail.get("change") in ("resolved", "reopened")] for each in mine]
        lengths = [
            over[-1].at - each[0].at
            for each, over in zip(mine, ends, strict=True)
            if over and over[-1].detail["change"] == "resolved"
        ]
        assert found.duration == (round(median(lengths)) if lengths else None)
        assert found.unattended.of == len(lengths)
        if len(mine) < 5:
            assert (found.score, found.terms) == (None, ())
        else:
            assert found.score is not None
            assert abs(found.score - sum(map(plain_score, mine)) / len(mine)) < 1e-9
            assert abs(found.score - sum(term.adds for term in found.terms)) < 1e-9
            assert 0 <= found.score <= 1
