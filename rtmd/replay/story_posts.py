"""What people say in the event night: texts, authors, reach. All of it is made up.

A *voice* is a group of people who talk about one thing for a while. The first voice that fits brand, topic (or
tone) and second speaks; where none fits, the post leaves no evidence behind.
"""

from __future__ import annotations

from msgspec import Struct

from rtmd.model.firing import Exemplar

_CROWD = (
    "ada_r", "benno77", "carla.m", "dog_of_war_room", "el_tirador", "farida", "gus_from_row_9", "hanna_k",
    "ines_o", "jo_the_ref", "kit", "lina_live", "mo_sports", "nils_n", "okto", "pia_pixel",
)  # fmt: skip
_BOTS = ("fizzfan_0412", "fizzfan_0413", "fizzfan_0417")
_LOUD = ("stadium_live", "late_show_clips", "the_daily_crumb")
_EVER = 1e9


class _Voice(Struct, frozen=True):
    """`about`: (brand or "", topic or tone); speaks from `begins` to `ends` (seconds); reach in [low, high]."""

    about: tuple[str, str]
    texts: tuple[str, ...]
    begins: float = 0.0
    ends: float = _EVER
    authors: tuple[str, ...] = _CROWD
    reach: tuple[float, float] = (40, 2_500)

    def fits(self, brand: str, what: str, second: float) -> bool:
        return self.about[0] in ("", brand) and self.about[1] == what and self.begins <= second < self.ends


_VOICES = (
    # Nobody speaks of the can before the bots do: what is seen of the burst is theirs.
    _Voice(about=("fizz", "product"), ends=4, texts=()),
    _Voice(
        about=("fizz", "product"),
        begins=4,
        ends=9,
        authors=_BOTS,
        reach=(0, 12),
        texts=(
            "BEST CAN EVER!!! click my profile to win 1000 cans",
            "i love fizz so much wow. win 1000 cans, link in bio",
            "everyone is drinking fizz right now!!! (not an ad)",
        ),
    ),
    _Voice(
        about=("biscuit", "blackout"),
        begins=28,
        ends=36,
        reach=(500, 20_000),
        texts=(
            "the lights just went out in the stadium?!",
            "whole stand is dark. somebody next to me is eating biscuits by phone light",
            "blackout. only the crumbs know where the goal is",
        ),
    ),
    _Voice(
        about=("biscuit", "blackout"),
        begins=36,
        ends=62,
        authors=_LOUD + _CROWD,
        reach=(2_000, 180_000),
        texts=(
            "you can still eat biscuits in the dark. where is that brand when you need it",
            "biscuit people, this is YOUR moment",
            "blackout bingo: someone will say dunk. biscuit, please say dunk",
        ),
    ),
    _Voice(
        about=("biscuit", "blackout"),
        begins=62,
        authors=_LOUD + _CROWD,
        reach=(5_000, 400_000),
        texts=(
            "ok biscuit won the blackout: 'no light? no problem, you know the way to the jar'",
            "give the person at biscuit's desk a raise",
            "the best thing about this final is a biscuit",
        ),
    ),
    _Voice(about=("", "blackout"), texts=("is it dark at your end too?", "someone pay the electricity bill")),
    _Voice(
        about=("fizz", "neg"),
        begins=70,
        ends=76,
        reach=(300, 30_000),
        texts=(
            "people are stuck in the dark and you post 'lights out, cans up'?",
            "fizz, read the room. if you can find it",
            "my kid is in that stadium. delete this",
        ),
    ),
    _Voice(
        about=("volt", "neg"),
        begins=88,
        ends=138,
        reach=(200, 60_000),
        texts=(
            "so volt's spot laughs at people without power. on this night",
            "used to like volt. this ad is mean",
            "volt: charging people, then making fun of them",
        ),
    ),
    _Voice(
        about=("volt", "product"),
        begins=103,
        ends=147,
        reach=(200, 60_000),
        texts=(
            "have you seen what volt just posted?",
            "everyone is sharing the candle spot. volt, why",
            "the volt spot again. third time in a minute",
        ),
    ),
    _Voice(
        about=("volt", "match"),
        begins=85,
        ends=173,
        texts=("volt board behind the goal again", "corner, sponsored by volt, as everything", "GOAL? no. volt?"),
    ),
    _Voice(about=("", "match"), texts=("what a match", "nil-nil and I cannot breathe", "ref!!!")),
    _Voice(about=("", "product"), texts=("found a new flavour at the corner shop", "does anyone still buy these?")),
    _Voice(about=("", "neg"), texts=("meh", "not for me, thanks")),
    _Voice(about=("biscuit", "pos"), begins=62, texts=("you had me at the jar", "dunk it in the dark!", "well played")),
    _Voice(about=("", "pos"), texts=("love it", "made my evening")),
)


def post(brand: str, what: str, *, second: float, draws: tuple[float, ...]) -> Exemplar | None:
    """A post about (brand, topic or tone) at this second, chosen by three numbers in [0, 1); None: nobody spoke."""
    voice = next((voice for voice in _VOICES if voice.fits(brand, what, second)), None)
    if voice is None or not voice.texts:
        return None
    text, author, reach = draws
    low, high = voice.reach
    return Exemplar(
        text=_pick(voice.texts, text),
        author=_pick(voice.authors, author),
        # Few are heard by many: the square keeps most reaches near the low end.
        reach=float(round(low + (high - low) * reach * reach)),
        url=f"https://posts.example/{brand}/{round(second * 10):04}-{round(author * 1e6):06}",
    )


def _pick(choices: tuple[str, ...], draw: float) -> str:
    return choices[int(draw * len(choices))]
