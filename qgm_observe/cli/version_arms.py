"""Two versions of a model on the same traffic, as journals tell: what each of their roots came to.

A root is a run, or a job outside any run. What a user cancelled or a guard stopped is left out.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qgm_observe.catalog import Outcome, signals
from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import TERMINAL, Event, Store
from qgm_observe.journal.event import OpenWork
from qgm_observe.journal.folds import Facts, finished_facts, told_over
from qgm_observe.journal.totals import Totals
from qgm_observe.quality.drop_rule import UNBIASED
from qgm_observe.quality.traffic import Seen, Traffic
from qgm_observe.spend.pricing import tariff
from qgm_observe.spend.statement import Line, Quote, Statement

COUNTED = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.TIMEOUT, Outcome.LOST)
"""As in the objectives of success."""

_ROOTS = ("run", "job")


@dataclass(slots=True)
class Root:
    """What was asked for by itself.

    Attributes:
        ended_at: Epoch seconds.
        seconds: From its begin to its end, without what its jobs waited in queues.
        together: Its session's id, else its own: what stands or falls with it.
        scores: Means of what was recorded of it, by name.
        shots: Of its jobs that cost something.
        costs: By currency, or device seconds where no price is known.
    """

    id: str
    version: str
    ended_at: float
    is_good: bool
    seconds: float
    together: str
    device: str = ""
    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    shots: int = 0
    costs: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which roots are compared.

    Attributes:
        since: Epoch seconds, `None` for the candidate's first.
        until: Epoch seconds.
        scores: Names of recorded scores, where higher is better; none for all without bias.
    """

    model: str
    stable: str
    candidate: str
    kind: str
    since: float | None
    until: float
    scores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arms:
    """The roots of both versions.

    Attributes:
        begin: Epoch seconds, from which roots count.
        unit: What `costs` are counted in.
        is_open: Roots of the candidate that have not ended, by when they began (epoch s).
    """

    asked: Asked
    begin: float
    roots: tuple[Root, ...]
    unit: str
    is_open: tuple[float, ...]

    def traffic(self, value: Callable[[Root], float | None], every: float) -> Traffic:
        """Return what both versions came to in one respect.

        Args:
            value: Of a root, `None` where that is not known.
            every: Seconds from look to look.
        """
        return Traffic.of(
            Seen(
                value=number,
                is_candidate=root.version == self.asked.candidate,
                look=int((root.ended_at - self.begin) // every) + 1,
                place=root.device,
                together=root.together,
            )
            for root in self.roots
            if (number := value(root)) is not None
        )

    @property
    def scores(self) -> list[str]:
        """Scores that were recorded of either version."""
        return sorted({name for root in self.roots for name in root.scores})

    def score(self, name: str) -> Callable[[Root], float | None]:
        """Return what tells a root's mean of a score."""

        def mean(root: Root) -> float | None:
            told = root.scores.get(name)
            return sum(told) / len(told) if told else None

        return mean

    def cost_of_a_sample(self, root: Root) -> float | None:
        """Return what one shot of a root cost, `None` where that is not settled."""
        spent = root.costs.get(self.unit, 0.0)
        return spent / root.shots if spent > 0 and root.shots else None


def read(journals: Sequence[Store], asked: Asked) -> Arms:
    """Read both versions from journals.

    Raises:
        UsageError: a version is in none of them, or details are missing.
    """
    facts = [_facts(journal, asked.model) for journal in journals]
    begin = asked.since
    if begin is None:
        begun = [each["started_at"] for told in facts for each in told.roots(asked, candidate=True)]
        begin = min(begun, default=None)
    if begin is None:
        raise _unknown(asked, asked.candidate, facts)
    roots: list[Root] = []
    for journal, told in zip(journals, facts, strict=True):
        roots += _read_one(journal, told, asked, begin)
    if asked.stable not in {root.version for root in roots}:
        raise _unknown(asked, asked.stable, facts)
    opened = [work for journal in journals for work in journal.open_work()]
    return Arms(asked, begin, tuple(roots), _unit(roots), tuple(_open(opened, asked)))


@dataclass(frozen=True, slots=True)
class _Told:
    """Runs and jobs of a model that ended, by id."""

    subjects: Mapping[str, Facts]
    nouns: Mapping[str, str]

    def roots(self, asked: Asked, *, candidate: bool = False) -> Iterator[Facts]:
        wanted = {asked.candidate} if candidate else {asked.candidate, asked.stable}
        for each in self.subjects.values():
            if (
                each["model_version"] in wanted
                and each["kind"] == asked.kind
                and self.is_root(each)
                and each.get("outcome") in COUNTED
            ):
                yield each

    def is_root(self, facts: Facts) -> bool:
        """A job of a run, and a run inside another, are parts of what was asked for."""
        return self.root_of(str(facts["id"])) == str(facts["id"])

    def root_of(self, subject: str) -> str:
        """Return the outermost run of a run or job, else itself."""
        for _ in range(len(self.subjects)):
            facts = self.subjects.get(subject, {})
            is_run = self.nouns.get(subject) == "run"
            inside = facts.get("parent") if is_run else facts.get("run")
            if inside is None:
                break
            subject = inside
        return subject


def _facts(journal: Store, model: str) -> _Told:
    later: dict[str, Mapping[str, Any]] = {}
    for event in journal.events(verbs=("reconciled",), nouns=_ROOTS):
        later[event.subject] = told_over(later.get(event.subject, {}), event.body)
    subjects, nouns = {}, {}
    for event in journal.events(verbs=(TERMINAL,), nouns=_ROOTS):
        if event.body.get("model", "unknown") == model:
            subjects[event.subject] = finished_facts(event, later.get(event.subject))
            nouns[event.subject] = event.noun
    return _Told(subjects, nouns)


def _read_one(journal: Store, told: _Told, asked: Asked, begin: float) -> list[Root]:
    _refuse_tallied(journal, asked, begin)
    roots = {
        each["id"]: _root(each)
        for each in told.roots(asked)
        if begin <= _end(each) < asked.until and each["started_at"] >= begin
    }
    for id_, facts in told.subjects.items():
        root = roots.get(told.root_of(id_))
        if root is not None and told.nouns[id_] == "job":
            _take(root, facts)
    for event in journal.events(verbs=("estimate",), since=begin, until=asked.until):
        root = roots.get(told.root_of(event.run or event.subject))
        if root is not None and event.noun in ("run", "step", "job"):
            _score(root, event, asked)
    for line in Statement.of(journal, _quote(), since=begin, until=asked.until).lines:
        root = roots.get(told.root_of(line.run or line.subject))
        if root is not None:
            _pay(root, line)
    return list(roots.values())


def _end(facts: Facts) -> float:
    return float(facts["started_at"]) + float(facts.get("duration") or 0.0)


def _root(facts: Facts) -> Root:
    return Root(
        id=facts["id"],
        version=facts["model_version"],
        ended_at=_end(facts),
        is_good=facts["outcome"] == Outcome.SUCCESS,
        seconds=float(facts.get("duration") or 0.0),
        together=facts.get("session") or facts["id"],
        device=facts.get("device", ""),
    )


def _take(root: Root, job: Facts) -> None:
    waited = sum(stage[2] for stage in job.get("stages", ()) if stage[0] == "queue")
    root.seconds = max(root.seconds - waited, 0.0)
    root.device = root.device or str(job.get("device", ""))


def _score(root: Root, event: Event, asked: Asked) -> None:
    name, value = event.body.get("name"), event.body.get("value")
    mitigation = event.body.get("mitigation") or "none"
    if name in (asked.scores or UNBIASED) and value is not None and math.isfinite(value):
        root.scores[name if mitigation == "none" else f"{name} {mitigation}"].append(float(value))


def _pay(root: Root, line: Line) -> None:
    known = line.known
    if known is not None:
        root.costs[known.currency] += float(known.amount)
    if line.seconds:
        root.costs["s"] += line.seconds
    if known is not None or line.seconds:
        root.shots += line.shots or 0


def _unit(roots: Iterable[Root]) -> str:
    """The currency of most roots; device seconds where none was priced."""
    seen: dict[str, int] = defaultdict(int)
    for root in roots:
        for unit in root.costs:
            seen[unit] += unit != "s"
    return max((unit for unit in seen if seen[unit]), key=lambda unit: seen[unit], default="s")


def _quote() -> Quote:
    try:
        return tariff().price
    except MissingExtra:
        return lambda _provider, _device: None


def _open(works: Iterable[OpenWork], asked: Asked) -> Iterator[float]:
    wanted = (asked.model, asked.candidate, asked.kind)
    for work in works:
        inside = work.body.get("parent") if work.noun == "run" else work.run
        labels = tuple(work.body.get(name) for name in ("model", "model_version", "kind"))
        if work.noun in _ROOTS and inside is None and labels == wanted:
            yield work.opened_at


def _refuse_tallied(journal: Store, asked: Asked, begin: float) -> None:
    """At high rates successes are counted without detail, so shares would be wrong."""
    totals = Totals()
    for event in journal.events(verbs=("tallied",), since=begin, until=asked.until):
        totals.add(event)
    labels = signals.ROOTS.label_names
    hidden = 0
    for values, count in totals.counters.get(signals.ROOTS.name, {}).items():
        told = dict(zip(labels, values, strict=True))
        if told["model"] == asked.model and told["model_version"] in (
            asked.stable,
            asked.candidate,
        ):
            hidden += count
    if hidden:
        raise UsageError(
            f"{journal.path}: {hidden:,} local successes of {asked.model} were tallied and have no"
            " detail: set QGM_OBSERVE_DETAIL_RATE above their rate per second and begin anew"
        )


def _unknown(asked: Asked, version: str, told: Iterable[_Told]) -> UsageError:
    seen: dict[str, int] = defaultdict(int)
    for each in told:
        for facts in each.subjects.values():
            if each.is_root(facts):
                seen[f"{facts['model_version']} ({facts['kind']})"] += 1
    listed = ", ".join(f"{name}: {count}" for name, count in sorted(seen.items()))
    when = "" if asked.since is None else " since then"
    return UsageError(
        f"no {asked.kind} of {asked.model} {version}{when}: write a model_version that is in the"
        f" journal ({listed or 'none of this model'})"
    )
