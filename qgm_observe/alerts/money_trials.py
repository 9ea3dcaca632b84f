"""What an objective is tried on that holds money against a cap: it is not given back."""

from collections.abc import Iterator

from qgm_observe.alerts import money_rules
from qgm_observe.alerts.objective_lines import counted
from qgm_observe.alerts.recorded_trials import Tests
from qgm_observe.alerts.scenario import BAD, HEALTHY, IDLE, Check, Line, Scenario, by_decoys
from qgm_observe.alerts.selectors import Selectors
from qgm_observe.slo.decimals import plain
from qgm_observe.slo.indicator import Spend
from qgm_observe.slo.objective import Objective
from qgm_observe.slo.window import MINUTE, shorthand

STEP = 30 * MINUTE


def trials(
    objective: Objective, selectors: Selectors
) -> Iterator[tuple[Line, tuple[Scenario, ...]]]:
    """Yield what is spent, and when: slowly, then so fast that the cap comes near."""
    spend = objective.indicator
    assert isinstance(spend, Spend)  # noqa: S101  told to the type checker
    spent = selectors.narrowed(spend.spent[0])
    slow, fast = spend.cap / 1000, spend.cap / 10
    line = counted(spent, slow, fast)
    near = Scenario(
        "the cap is near at the present pace: fires before it is reached",
        [(HEALTHY, 4), (BAD, 7), (HEALTHY, 4)],
        (Check(8, False), Check(9, True), Check(14, False)),
        recorded=_spent(objective, 9, 2 * fast, 3 * slow + 6 * fast),
    )
    reached = Scenario(
        "the cap is reached, and nothing more is spent: fires",
        [(HEALTHY, 4), (BAD, 11), (IDLE, 4)],
        (Check(3, False), Check(18, True)),
    )
    yield line, (near, reached, *_nothing(objective), _together(objective, line))
    just = Scenario(
        "the cap is just reached: fires", [(IDLE, 1), (BAD, 1), (IDLE, 4)], (Check(5, True),)
    )
    yield counted(spent, 0, spend.cap), (just,)


def _nothing(objective: Objective) -> Iterator[Scenario]:
    yield Scenario("nothing is spent: silent", [(IDLE, 8)], (Check(7, False),))
    yield Scenario(
        "nothing was ever spent: that is 0",
        [(IDLE, 4)],
        (Check(3, False),),
        absent=True,
        recorded=_spent(objective, 3, 0.0, 0.0),
    )
    yield by_decoys([(IDLE, 2), (BAD, 12)])


def _together(objective: Objective, line: Line) -> Scenario:
    each = 2 * (line.bad or 0) * (1 + len(line.siblings))
    return Scenario(
        "what differs in one label is added up",
        [(IDLE, 1), (BAD, 2)],
        (),
        spread=True,
        recorded=_spent(objective, 2, each, each),
    )


def _spent(objective: Objective, at: int, hour: float, period: float) -> Tests:
    slo, window = objective.name, shorthand(objective.window.seconds)
    samples = [
        {"labels": f'{{slo="{slo}",window="{text}"}}', "value": float(plain(value))}
        for text, value in (("1h", hour), (window, period))
    ]
    query = f'round(1 * {money_rules.SPENT}{{slo="{slo}"}}, 0.000001)'
    return ({"expr": query, "eval_time": shorthand(at * STEP), "exp_samples": samples},)
