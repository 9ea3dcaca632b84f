"""The ten stages and the levels that they belong to."""

from qgm_observe.catalog import STAGES, Level


def test_there_are_ten_stages_in_the_order_of_the_work():
    """The stages stand in the order in which a training passes through them."""
    order = "prepare encode compile submit queue execute decode evaluate optimize register"

    assert list(STAGES) == order.split()


def test_each_stage_belongs_to_its_level():
    """Run, step and job own the stages that the design gives them."""
    by_level = {level: [s.name for s in STAGES.values() if s.level is level] for level in Level}

    assert by_level == {
        Level.RUN: ["prepare", "register"],
        Level.STEP: ["encode", "evaluate", "optimize"],
        Level.JOB: ["compile", "submit", "queue", "execute", "decode"],
    }


def test_each_stage_tells_what_happens_in_it():
    """Every stage is found by its name and has one sentence."""
    for name, stage in STAGES.items():
        assert stage.name == name
        assert stage.brief.endswith(".")
