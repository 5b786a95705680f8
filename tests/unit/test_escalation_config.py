"""`[escalations]` of rtmd.toml, and the stages that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtmd.config import load_config
from rtmd.errors import FileErrors
from rtmd.model.policy import EscalationStep
from rtmd.rulefile.check import check_files

STEPS = """
[receivers.lead]
kind = "command"
argv = ["page"]
[escalations.desk]
steps = [{ after = "5m", notify = ["lead"] }, { after = "15m", notify = ["lead", "log"] }]
"""


def test_steps_are_read_in_order() -> None:
    config = load_config(STEPS, file="rtmd.toml", base=Path("/"), env={})
    assert config.escalations == {
        "desk": (EscalationStep(300_000, ("lead",)), EscalationStep(900_000, ("lead", "log"))),
    }


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("", "escalations.x: steps is missing: who is told, and after how long"),
        ('steps = [{ after = "5m" }]', "escalations.x.steps.0: notify is missing: who is to be told"),
        ('steps = [{ notify = ["log"] }]', "steps.0: after is missing: how long nobody has had it by then"),
        ('steps = [{ after = "5m", notify = ["lo"] }]', 'notify names "lo", which does not exist: did you mean "log"?'),
        (
            'steps = [{ after = "5m", notify = ["log"] }, { after = "5m", notify = ["log"] }]',
            "after must be longer than that of the step before",
        ),
    ],
)
def test_mistakes_are_named(steps: str, problem: str) -> None:
    with pytest.raises(FileErrors) as wrong:
        load_config(f"[escalations.x]\n{steps}\n", file="rtmd.toml", base=Path("/"), env={})
    assert problem in str(wrong.value)


def test_a_stage_names_an_escalation_that_is_there() -> None:
    rule = '[rules.x]\nsignal = "up"\nabove = 1\nescalate = "desc"\n'
    config = load_config(STEPS, file="rtmd.toml", base=Path("/"), env={})
    (error,) = check_files({"r.toml": rule}, config).errors
    assert error.problem == (
        'x: minutes.escalate names the escalation "desc", which the configuration does not have: did you mean "desk"?'
    )
