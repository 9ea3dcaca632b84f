"""What is asked of inputs, parameters and encodings: each answer is said where it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.journal import open_journal
from qgm_observe.lifecycle.recording import Recording
from qgm_observe.records import Estimate, Verdict, Work

if TYPE_CHECKING:
    from qgm_observe.quality.encoding import Encoding
    from qgm_observe.quality.input_drift import InputDrift
    from qgm_observe.quality.parameter_drift import Movement

Say = Callable[..., None]
"""Records an estimate or a verdict, with further facts of it, about whoever asked."""


def judge_inputs(
    say: Say, window: Mapping[str, Any], reference: Mapping[str, Any], options: Any
) -> "tuple[InputDrift, ...]":
    """Compare inputs with a frozen reference; see `Handle.inputs`."""
    try:
        from qgm_observe.quality.input_drift import input_drift
    except ImportError as error:
        raise MissingExtra("inputs", "quality") from error
    told = input_drift(reference, window, **options)
    known = [each for each in told if each.adjusted_p is not None]
    drifted = sum(each.drifted for each in known)
    if not known:
        answer, reason = "untold", told[0].reason or ""
    else:
        answer = "drifted" if drifted else "steady"
        reason = f"{drifted} of {len(told)} features"
    say(Verdict(question="inputs", answer=answer, reason=reason))
    least = min((each.adjusted_p for each in known if each.adjusted_p is not None), default=None)
    say(
        Estimate(
            name="input_drift_p",
            value=least,
            method="least adjusted p of the features",
            n=min(told[0].rows),
            reason=None if known else reason,
        ),
    )
    return told


def judge_parameters(
    say: Say, current: Any, reference: Any, options: Any
) -> "tuple[Movement, ...]":
    """Compare parameters with accepted ones; see `Handle.parameters`."""
    try:
        from qgm_observe.quality.parameter_drift import parameter_drift
    except ImportError as error:
        raise MissingExtra("parameters", "quality") from error
    told = parameter_drift(_named(reference), _named(current), **options)
    moved = sum(each.moved or each.now is None or each.before is None for each in told)
    share = Estimate(
        name="parameter_move_share",
        value=moved / len(told) if told else None,
        method="relative and absolute threshold",
        n=len(told),
        reason=None if told else "no parameters",
    )
    say(share)
    answer = "moved" if moved else "steady"
    reason = f"{moved} of {len(told)} parameters"
    say(Verdict(question="parameters", answer=answer, reason=reason))
    return told


def name_of(encoding: "Encoding") -> str:
    """Return what records say of an encoding: its name, version and fingerprint.

    Raises:
        UsageError: it is none.
        MissingExtra: numpy or scipy is not installed.
    """
    try:
        from qgm_observe.quality.encoding import Encoding
    except ImportError as error:
        raise MissingExtra("encoding", "quality") from error
    if not isinstance(encoding, Encoding):
        raise UsageError("encoding: write a qgm_observe.quality.encoding.Encoding")
    return f"{encoding.name} {encoding.version} {encoding.fingerprint}"


def judge_encoding(
    say: Say,
    encoding: "Encoding",
    training: "Encoding | None",
    tables: Mapping[str, Any],
    *,
    is_training: bool,
) -> tuple[str, ...]:
    """Record an encoding and compare it with that of the training; see `Handle.encoding`."""
    from qgm_observe.quality.encoding import encoding_mismatch

    for estimate in _coverage(encoding, tables):
        say(estimate)
    differ: tuple[str, ...] = ()
    if training is not None:
        differ = encoding_mismatch(training, encoding)
        answer = "mismatched" if differ else "matching"
    else:
        answer = "recorded" if is_training else "untold"
    parts = ", ".join(each.partition(":")[0] for each in differ)
    reason = parts or ("" if answer != "untold" else "no training of this model has told its own")
    facts = {"encoding": asdict(encoding)} if is_training else {}
    verdict = Verdict(question="encoding", answer=answer, reason=reason)
    say(verdict, facts)
    return differ


def _coverage(encoding: "Encoding", tables: Mapping[str, Any]) -> list[Estimate]:
    """What survives the encoding, where the values before and after are given."""
    from qgm_observe.quality.encoding import failure_share, transform_coverage

    found: list[Estimate] = []
    raw, encoded, failures = (tables.get(name) for name in ("raw", "encoded", "failures"))
    if (raw is None) != (encoded is None):
        raise UsageError("encoding: write both raw and encoded, or neither")
    if raw is not None and encoded is not None:
        told = transform_coverage(raw, encoded, encoding)
        found += [told.rows, told.features, told.clipped, told.collisions]
    if failures is not None:
        rows = tables.get("rows")
        if rows is None:
            raise UsageError("encoding: write rows=, of which the failures are a part")
        found.append(failure_share(failures, rows))
    return found


def trained(recorder: Recording, work: Work) -> "Encoding | None":
    """Return the encoding that the newest training of a model has told, if any."""
    from qgm_observe.quality.encoding import Encoding

    with recorder.guard("encoding"):
        recorder.flush()
        path = recorder.settings.journal_path
        newest: Mapping[str, Any] | None = None
        with open_journal(path, read_only=True) as journal:
            for event in journal.events(verbs=("judged",), nouns=("run", "step", "job")):
                body = event.body
                ours = (body.get("project"), body.get("model"), body.get("model_version"))
                if "encoding" in body and ours == (work.project, work.model, work.model_version):
                    newest = body["encoding"]
        if newest is not None:
            parts: dict[str, Any] = dict(newest)
            lists = {name: tuple(v) for name, v in parts.items() if isinstance(v, list)}
            return Encoding(**(parts | lists))
    return None


def _named(values: Any) -> Mapping[str, float]:
    if isinstance(values, Mapping):
        return values
    try:
        return {str(place): float(value) for place, value in enumerate(values)}
    except (TypeError, ValueError):
        raise UsageError("parameters: write a vector of numbers, or numbers by name") from None
