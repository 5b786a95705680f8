"""The state store: what is committed comes back exactly, in order, or its waiter is told why not."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmd.errors import StoreError
from rtmd.model.action import Hold, Proposal, ProposalState
from rtmd.model.effects import (
    Audited,
    Durable,
    FiringSaved,
    GroupSaved,
    HoldSaved,
    InstanceDropped,
    InstanceSaved,
    Journaled,
    LedgerSaved,
    MembershipSaved,
    Notify,
    ProposalSaved,
    RunSaved,
    SilenceDropped,
    SilenceSaved,
)
from rtmd.model.firing import Ack, Clause, Evidence, Exemplar, Firing, InstanceState, StageRecord, StageState
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.inputs import Restored
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.reaction import ActionRun, Alert, LedgerEntry, Notification, NotifyReason, RunState, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Kind, Severity, StageName
from rtmd.model.silence import Silence
from rtmd.store.audit import read_audit, verify_audit
from rtmd.store.state import StateStore

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_800_000_000_000
LABELS = (("brand", "acmé\x00\n'"), ("site", "x" * 300))

RECORD = StageRecord(
    name=StageName.SECONDS,
    state=StageState.FIRING,
    active_at=NOW - 5,
    history=2**64 - 1,
    value=math.inf,
    evidence=Evidence(NOW, (Clause("window", "m > 3", None, holds=True),), (Exemplar("hi\x1b[", "me", 5.5, "u"),)),
)
FIRING = Firing(
    id="f1",
    version=3,
    rule="mentions",
    labels=LABELS,
    kind=Kind.RISK,
    title="Mentions of acmé",
    severity=Severity.CRITICAL,
    stage=StageName.SECONDS,
    stages=(RECORD,),
    active_at=NOW - 5,
    fired_at=NOW,
    links=(("runbook", "https://x"),),
    ack=Ack("ana", NOW, NOW + HOUR, raised=True),
)
RUN = ActionRun("r1", "hold", "f1", "mentions", LABELS, StageName.SECONDS, RunState.DONE, NOW)
WAITS = ProposalState.PENDING
OF = ("p1", 1, "reply", "f1", "mentions", LABELS, "acmé", StageName.SECONDS)
PENDING = Proposal(*OF, WAITS, onset=NOW, made_at=NOW, expires_at=NOW + HOUR)


def note(key: str, receiver: str = "desk", firing: Firing = FIRING) -> Notification:
    return Notification(key, receiver, NOW, NotifyReason.FIRST, (Alert(firing, Told.FIRING, 1, "fired"),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[StateStore]:
    opened = StateStore(path)
    yield opened
    opened.close()


def reopened(store: StateStore) -> StateStore:
    store.close()
    return StateStore(store.path)


def restored(store: StateStore) -> Restored:
    again = reopened(store)
    try:
        return again.restore()
    finally:
        again.close()


async def test_everything_open_comes_back_exactly_as_it_was_after_a_restart(store: StateStore) -> None:
    instance = InstanceState("mentions", LABELS, (RECORD,), "f1")
    silence = Silence("s1", (Matcher("a", MatchOp.REGEX, "b.*"),), NOW, NOW + HOUR, "ana", "why", NOW)
    entry = LedgerEntry("f1", "desk", Told.RAISED, 4, NOW, StageName.MINUTES, "silenced by ana")
    group = GroupTimes(GroupKey("route", "desk", StageName.MINUTES, LABELS), NOW + 5, NOW, None, 3)
    saved = [InstanceSaved(instance), FiringSaved(FIRING), SilenceSaved(silence), LedgerSaved(entry), GroupSaved(group)]
    member = Membership("f1", (group.key,))
    await store.commit([*saved, MembershipSaved(member), RunSaved(RUN)])
    assert restored(store) == Restored((instance,), (FIRING,), (silence,), (entry,), (group,), (member,), (RUN,))


async def test_not_a_number_survives_and_enumerations_keep_their_identity(store: StateStore) -> None:
    await store.commit([FiringSaved(replace(FIRING, stages=(replace(RECORD, value=math.nan),)))])
    found = restored(store).firings[0]
    assert found.stages[0].value is not None
    assert math.isnan(found.stages[0].value)
    assert found.record(StageName.SECONDS) is found.stages[0]


async def test_dropped_things_are_gone(store: StateStore) -> None:
    await store.commit([InstanceSaved(InstanceState("mentions", LABELS, ())), InstanceDropped("mentions", LABELS)])
    await store.commit([SilenceSaved(Silence("s1", (), 0, 1, "a", "", 0))])
    await store.commit([SilenceDropped("s1")])
    assert restored(store) == Restored()


async def test_a_firing_resolved_within_the_last_day_comes_back_and_an_older_one_does_not(store: StateStore) -> None:
    old = replace(FIRING, id="old", resolved_at=NOW - DAY - 1)
    recent = replace(FIRING, id="recent", resolved_at=NOW - DAY)
    told = [LedgerSaved(LedgerEntry(id_, "desk", Told.RESOLVED, 2, NOW)) for id_ in ("old", "recent")]
    await store.commit([FiringSaved(old), FiringSaved(recent), *told, Journaled(NOW, "gap")])
    found = restored(store)
    assert [firing.id for firing in found.firings] == ["recent"]
    assert [entry.firing_id for entry in found.ledger] == ["recent"]


async def test_at_most_a_thousand_resolved_firings_come_back_and_every_open_one(store: StateStore) -> None:
    resolved = [FiringSaved(replace(FIRING, id=f"r{n}", resolved_at=NOW + n)) for n in range(1_100)]
    await store.commit([*resolved, FiringSaved(FIRING)])
    firings = restored(store).firings
    assert len(firings) == 1_001
    assert firings[0] == FIRING
    assert firings[1].id == "r1099"


async def test_proposals_come_back_with_their_firing_however_long_ago_it_resolved(store: StateStore) -> None:
    long_ago = replace(FIRING, id="old", resolved_at=NOW - 3 * DAY)
    gone = replace(FIRING, id="gone", resolved_at=NOW - 3 * DAY)
    waits = replace(PENDING, firing_id="old")
    declined = replace(PENDING, id="p2", firing_id="gone", state=ProposalState.DECLINED)
    await store.commit([FiringSaved(FIRING), FiringSaved(long_ago), FiringSaved(gone), Journaled(NOW, "told")])
    await store.commit([ProposalSaved(waits), ProposalSaved(declined)])
    found = restored(store)
    assert (found.firings, found.proposals) == ((FIRING, long_ago), (waits,))


async def test_runs_under_way_come_back_with_their_firing_however_long_ago_it_resolved(store: StateStore) -> None:
    states = {"started": RunState.STARTED, "waits": RunState.UNDO_WAITING, "undoing": RunState.UNDOING}
    long_ago = [replace(FIRING, id=name, resolved_at=NOW - 3 * DAY) for name in (*states, "done")]
    runs = [replace(RUN, id=name, firing_id=name, state=state) for name, state in states.items()]
    await store.commit([*map(FiringSaved, long_ago), *map(RunSaved, runs), Journaled(NOW, "told")])
    await store.commit([RunSaved(replace(RUN, id="done", firing_id="done", state=RunState.UNDONE))])
    found = restored(store)
    assert {run.id: run.state for run in found.runs} == states
    assert {firing.id for firing in found.firings} == states.keys()


async def test_the_hold_is_kept(store: StateStore) -> None:
    hold = Hold("ana", NOW, "wrong price")
    await store.commit([HoldSaved(hold)])
    assert restored(store).hold == hold


async def test_a_hold_that_was_lifted_is_not_kept(store: StateStore) -> None:
    await store.commit([HoldSaved(Hold("ana", NOW, "wrong price")), HoldSaved(None)])
    assert restored(store).hold is None


async def test_commits_made_while_the_disk_was_busy_share_a_transaction_and_keep_their_order(store: StateStore) -> None:
    waiting = [store.commit([Journaled(n, "told", text=str(n))]) for n in range(500)]
    await asyncio.gather(*waiting)
    assert [int(line.text) for line in store.journal(limit=1_000)] == list(range(500))
    assert store._writer.commits == 500
    assert store._writer.groups < 500


async def test_a_commit_that_was_confirmed_is_read_back_at_once(store: StateStore) -> None:
    await store.commit([FiringSaved(FIRING)])
    assert store.firing("f1") == FIRING
    assert store.firing("nobody") is None


async def test_the_outbox_is_oldest_first_per_receiver_and_a_key_is_kept_once(store: StateStore) -> None:
    await store.commit([Notify(note("b")), Notify(note("c", "other")), Notify(note("a"))])
    await store.postpone("b", attempts=2, due=99, error="503")
    await store.commit([Notify(note("b"))])
    assert [(row.notification.key, row.attempts, row.due) for row in store.outbox()] == [
        ("b", 2, 99),
        ("a", 0, 0),
        ("c", 0, 0),
    ]
    assert store.outbox()[0].notification == note("b")


async def test_confirmed_and_buried_notifications_leave_the_outbox(store: StateStore) -> None:
    await store.commit([Notify(note("a")), Notify(note("b")), Notify(note("c"))])
    await store.confirm("a")
    await store.bury("b", error="410 gone")
    again = reopened(store)
    assert [row.notification.key for row in again.outbox()] == ["c"]
    assert [(letter.notification.key, letter.error) for letter in again.dead_letters()] == [("b", "410 gone")]
    assert again.dead_letter_counts() == {"desk": 1}
    again.close()


async def test_the_journal_of_one_firing_is_the_latest_lines_oldest_first(store: StateStore) -> None:
    lines = [Journaled(n, "transition", "r", f"f{n % 2}", f"line {n}", {"n": str(n)}) for n in range(6)]
    await store.commit(lines)
    assert store.journal("f1", limit=2) == (lines[3], lines[5])
    assert store.journal(limit=2) == (lines[4], lines[5])


async def test_text_that_is_not_unicode_does_not_lose_its_line(store: StateStore) -> None:
    await store.commit([Journaled(1, "rules", text="bad \udcff name", detail={"file": "\ud800"})])
    assert store.journal()[0].text == "bad ? name"


async def test_the_audit_trail_is_a_chain_that_shows_edits_and_cuts(store: StateStore, path: Path) -> None:
    await store.commit([Audited(n, "ana", "ack", f"f{n}", "note") for n in range(4)])
    assert [row.object for row in read_audit(path, limit=2)] == ["f2", "f3"]
    whole = verify_audit(path)
    assert (whole.lines, whole.problem) == (4, "")
    other = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute("DELETE FROM audit")
    other.execute("DROP TRIGGER audit_complete")
    other.execute("DROP TRIGGER audit_unchanged")
    other.execute("DELETE FROM audit WHERE seq = 4")
    assert verify_audit(path).problem == "line 4 is missing"
    other.execute("UPDATE audit SET by = 'bob' WHERE seq = 2")
    assert verify_audit(path).problem == "line 2 is not what was written"
    other.execute("UPDATE audit SET detail = CAST(x'ff' AS TEXT) WHERE seq = 1")
    assert verify_audit(path).problem == "line 1 is not what was written"
    assert read_audit(path)[0].detail == "\ufffd"
    other.execute("DELETE FROM audit WHERE seq = 1")
    assert verify_audit(path).problem == "line 1 is missing"
    other.close()


async def test_the_audit_trail_is_read_by_who_what_and_when(store: StateStore, path: Path) -> None:
    ana, bo = Audited(1, "ana", "ack", "f1"), Audited(2, "bo", "ack", "f2")
    await store.commit([ana, bo, Audited(3, "bo", "silence", "s1")])
    assert [row.seq for row in read_audit(path, by="bo")] == [2, 3]
    assert [row.seq for row in read_audit(path, what="ack")] == [1, 2]
    assert [row.seq for row in read_audit(path, what="s1")] == [3]
    assert [row.seq for row in read_audit(path, by="bo", what="ack", since=2)] == [2]
    assert read_audit(path, what="' OR 1=1 --") == ()


async def test_a_long_audit_trail_is_verified_to_its_end(store: StateStore, path: Path) -> None:
    await store.commit([Audited(n, "ana", "ack", f"f{n}") for n in range(2_500)])
    whole = verify_audit(path)
    assert (whole.lines, whole.problem) == (2_500, "")
    assert whole.hash == read_audit(path, limit=1)[0].hash


async def test_the_last_good_rule_files_survive_a_restart_whatever_their_names(store: StateStore) -> None:
    assert store.last_good() == {}
    await store.save_last_good({"old.toml": b"1"})
    await store.save_last_good({"a.toml": b"\xff", "b\udcff.toml": b""})
    again = reopened(store)
    assert again.last_good() == {"a.toml": b"\xff", "b\udcff.toml": b""}
    again.close()


async def test_a_full_disk_fails_the_commit_and_later_ones_work_again(store: StateStore) -> None:
    await store.commit([FiringSaved(FIRING)])
    pages = "PRAGMA max_page_count="
    await store._writer.submit([(f"{pages}1", ())])  # SQLite raises it to the pages in use
    with pytest.raises(StoreError, match="full") as failed:
        await store.commit([FiringSaved(replace(FIRING, id=f"f{n}", title="x" * 4096)) for n in range(20)])
    assert not failed.value.fatal
    assert store.firing("f2") is None
    await store._writer.submit([(f"{pages}1000000", ())])
    await store.commit([FiringSaved(replace(FIRING, id="f2"))])
    assert {firing.id for firing in store.restore().firings} == {"f1", "f2"}


async def test_a_value_that_cannot_be_stored_fails_its_own_commit_only(store: StateStore) -> None:
    good = store.commit([Journaled(1, "told")])
    bad = store.commit([FiringSaved(replace(FIRING, title="\ud800"))])
    with pytest.raises(StoreError, match="cannot be stored"):
        await bad
    await good


async def test_a_failing_group_fails_exactly_its_waiters_and_leaves_nothing_behind(store: StateStore) -> None:
    bad = [("INSERT INTO outbox (key) VALUES (?)", ("k",))]
    with pytest.raises(StoreError, match="NOT NULL"):
        await store._writer.submit([("INSERT INTO meta VALUES ('x', 'y')", ()), *bad])
    await store.commit([Journaled(1, "told")])
    assert store._read("SELECT count(*) FROM meta") == [(0,)]


async def test_after_an_input_output_error_nothing_is_accepted_any_more(store: StateStore) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    problem = store._writer._failed(error)
    assert problem.fatal
    with pytest.raises(StoreError) as failed:
        await store.commit([Journaled(1, "told")])
    assert failed.value.fatal


async def test_what_was_queued_before_closing_is_committed_and_later_commits_are_refused(store: StateStore) -> None:
    queued = store.commit([FiringSaved(FIRING)])
    store.close()
    await queued
    with pytest.raises(StoreError, match="closed"):
        await store.commit([])
    again = StateStore(store.path)
    assert again.firing("f1") == FIRING
    again.close()


async def test_a_cancelled_waiter_does_not_stop_its_commit(store: StateStore) -> None:
    waiting = asyncio.ensure_future(store.commit([FiringSaved(FIRING)]))
    waiting.cancel()
    await store.commit([])
    assert store.firing("f1") == FIRING


def test_a_closed_loop_does_not_hurt_the_writer(path: Path) -> None:
    store = StateStore(path)

    async def ask() -> None:
        store.commit([FiringSaved(FIRING)])  # nobody waits for it
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert [firing.id for firing in restored(store).firings] == ["f1"]


async def test_old_journal_lines_and_firings_are_pruned_in_pieces_and_at_most_once_an_hour(store: StateStore) -> None:
    old: list[Durable] = [Journaled(1, "told", text="old") for _ in range(1_200)]
    closed = replace(FIRING, id="closed", resolved_at=NOW - 31 * DAY)
    ledger = LedgerSaved(LedgerEntry("closed", "desk", Told.RESOLVED, 2, 1))
    await store.commit([*old, FiringSaved(closed), ledger, FiringSaved(FIRING), Journaled(NOW, "told", text="new")])
    store.prune(NOW)
    store.prune(NOW + HOUR - 1)
    assert len(store._writer._chores) == 6
    again = await drained(store)
    assert [line.text for line in again.journal()] == ["new"]
    assert again.firing("closed") is None
    assert again.firing("f1") == FIRING
    assert again._read("SELECT count(*) FROM ledger") == [(0,)]


async def drained(store: StateStore) -> StateStore:
    while store._writer._chores:
        await store.commit([])
        await asyncio.sleep(0)
    return store
