"""Silences as the operator API has them: what is asked for, and what each of them does."""

from __future__ import annotations

import msgspec

from rtmd.model.silence import Lift


class SilenceView(msgspec.Struct, frozen=True):
    """A silence and what it does right now. Times are wall time.

    It ends at `ends_at`, with `lift` "resolved" sooner, when all that it matched has resolved. `ending`: that is near,
    and what it matches now still fires. `forgotten` has reasons to think that nobody remembers it.
    """

    id: str
    state: str  # pending | active | expired
    matchers: list[str]
    starts_at: int
    ends_at: int
    created_by: str
    comment: str
    updated_at: int
    matches_now: int = 0
    suppressed: int = 0  # messages that it withheld so far
    lift: str = "end"
    version: int = 1
    updated_by: str = ""
    matched_at: int | None = None  # when it last began or ceased to cover something that fires
    ending: bool = False
    forgotten: list[str] = []


class SilenceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/silence`: either `matchers` (`name="value"` texts), or a firing, silenced as a group.

    With `firing` the silence covers that firing's group (`FiringView.group`) at `stage ≤ the present one`, so that a
    rise breaks through; `rule_wide` widens it to the whole rule. `length` ms; 0: the default of the firing's stage
    (one hour without a firing). With `lift` "resolved" it ends sooner, when all that it matched has resolved; `length`
    is the cap then. With `id` a silence is edited as of the `version` that was seen (0: any), and what is left out, its
    end too, stays. What hides much or for long is answered 428 with the reasons, unless it is sent with `confirm`.
    """

    matchers: list[str] = []
    firing: str = ""
    rule_wide: bool = False
    length: int = 0
    starts_at: int = 0  # wall time; 0: now
    comment: str = ""
    id: str = ""
    lift: Lift | None = None  # None: as it is, at first "end"
    version: int = 0
    confirm: bool = False


class SilencePreview(msgspec.Struct, frozen=True):
    """`POST /api/rtmd/v1/silence/preview`: what a `SilenceRequest` would hide, were it sent now.

    `matches` of `of` open firings, `critical` of them critical at `hours`; `asks` has the reasons for which it has to
    be confirmed.
    """

    matchers: list[str]
    starts_at: int
    ends_at: int
    lift: str
    matches: int
    of: int
    critical: int
    asks: list[str] = []


class ExpireRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rtmd/v1/silence/expire`: as of the `version` that was seen (0: any)."""

    id: str
    version: int = 0
