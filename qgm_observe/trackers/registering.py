"""Registering a model, and moving the alias that says which version is in use."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from qgm_observe.errors import UsageError
from qgm_observe.trackers.protocol import Tracked, Tracker, Version
from qgm_observe.trackers.scanning import secrets_in
from qgm_observe.trackers.storage import Encryption, encryption_of

ALIAS = "champion"
_MOST_KEPT = 20
_SHOWN = 3


class Registered(NamedTuple):
    """A new version, and what its storage is like."""

    version: Version
    encryption: Encryption


def log(tracker: Tracker, tracked: Tracked) -> str:
    """Hand a run to a tracker and return the tracker's id of it.

    Raises:
        UsageError: something in it looks like a secret; nothing was handed out.
    """
    _refuse_secrets(tracked)
    return tracker.log(tracked)


def register(tracker: Tracker, model: str, tracked: Tracked) -> Registered:
    """Hand a run with its parameters to a tracker as a new version of a model.

    Raises:
        UsageError: something in it looks like a secret; nothing was handed out.
    """
    _refuse_secrets(tracked)
    encryption = encryption_of(tracker.storage)
    told = replace(tracked, tags={**tracked.tags, "qgm.storage": encryption.text})
    return Registered(tracker.create(model, tracker.log(told), told), encryption)


def promote(tracker: Tracker, model: str, version: str, alias: str = ALIAS) -> str | None:
    """Let an alias point to a version; return the version it pointed to, which is remembered.

    Raises:
        UsageError: there is no such version.
    """
    known = [each.version for each in tracker.versions(model)]
    if version not in known:
        listed = f"write one of {', '.join(known)}" if known else "register a run first"
        raise UsageError(f"model {model!r} has no version {version!r}: {listed}")
    before = tracker.alias(model, alias)
    if before == version:
        return before
    history = [*_history(tracker, model, alias), *([before] if before else [])]
    _remember(tracker, model, alias, history)
    tracker.point(model, alias, version)
    return before


def rollback(tracker: Tracker, model: str, alias: str = ALIAS) -> tuple[str, str]:
    """Let an alias point to where it pointed before; return from and to which version.

    Versions that were deleted since are passed over.

    Raises:
        UsageError: the alias points nowhere, or to the first version it ever pointed to.
    """
    now = tracker.alias(model, alias)
    if now is None:
        raise UsageError(f"model {model!r} has no alias {alias!r}: promote a version first")
    known = {each.version for each in tracker.versions(model)}
    history = [each for each in _history(tracker, model, alias) if each in known]
    if not history:
        raise UsageError(f"{alias} of {model!r} points to {now}, and pointed to none before")
    *older, before = history
    tracker.point(model, alias, before)
    _remember(tracker, model, alias, older)
    return now, before


def version_at(tracker: Tracker, model: str, alias: str) -> str:
    """Return the version that an alias points to.

    Raises:
        UsageError: the registry does not know the model or the alias.
    """
    found = tracker.alias(model, alias)
    if found is not None:
        return found
    versions = tracker.versions(model)
    if not versions:
        raise UsageError(
            f"the registry has no model {model!r}: write versions instead of aliases, or"
            f" `qgm-observe model register RUN --name {model}` first"
        )
    known = ", ".join(sorted({f"@{name}" for each in versions for name in each.aliases}))
    raise UsageError(
        f"model {model!r} has no alias {alias!r}: write one of {known or 'its versions'}, or"
        f" `qgm-observe model promote {model} VERSION --alias {alias}` first"
    )


def _history(tracker: Tracker, model: str, alias: str) -> list[str]:
    try:
        told = json.loads(tracker.note(model, _key(alias)) or "[]")
    except ValueError:
        return []
    return [str(each) for each in told] if isinstance(told, list) else []


def _remember(tracker: Tracker, model: str, alias: str, history: list[str]) -> None:
    tracker.keep_note(model, _key(alias), json.dumps(history[-_MOST_KEPT:]))


def _key(alias: str) -> str:
    return f"qgm.alias.{alias}.before"


def _refuse_secrets(tracked: Tracked) -> None:
    files: Mapping[str, bytes] = {
        **tracked.artifacts,
        "parameters": _lines(tracked.parameters),
        "tags": _lines(tracked.tags),
    }
    found = secrets_in(files)
    if found:
        shown = ", ".join(map(str, found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UsageError(f"refused, there are secrets in {shown}{more}: take them out of the run")


def _lines(texts: Mapping[str, str]) -> bytes:
    return "\n".join(f"{name}: {text}" for name, text in texts.items()).encode()
