"""MLflow as a tracker, by its skinny client: a server, or a database here.

Source: `mlflow.MlflowClient` 3.17; names may hold letters, digits, `_-. /:` alone.
"""

import logging
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qgm_observe.errors import MissingExtra, UsageError
from qgm_observe.redaction import redacted
from qgm_observe.trackers.protocol import Tracked, Version
from qgm_observe.trackers.registry import EXPERIMENT

_LONGEST_PARAMETER = 6_000
_LONGEST_TAG = 5_000
_BATCH = 900
_BATCH_PARAMETERS = 100
_TROUBLES = 250
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_UNANSWERED = re.compile(r"API request to (\w+://[^/\s]+)\S* failed .*Max retries exceeded")
_FOLDER = "The filesystem tracking backend"
_FORBIDDEN = re.compile(r"[^\w\-. /:]")

Answer = TypeVar("Answer")


class MLflow:
    """An MLflow tracking server or database, see `Tracker`.

    Args:
        uri: `https://host`, `sqlite:///file`; `None` for `MLFLOW_TRACKING_URI`.
        experiment: Where runs are put.
        artifacts: Where a new experiment's artifacts go; `None` for the server's own place, or a
            folder beside the database.
        create: Whether a database that is a file is made where there is none.

    Raises:
        UsageError: no address is known, or there is no database.
        MissingExtra: MLflow is not installed.
    """

    def __init__(
        self,
        uri: str | None = None,
        experiment: str = EXPERIMENT,
        artifacts: str | None = None,
        *,
        create: bool = True,
    ) -> None:
        address = uri or os.environ.get("MLFLOW_TRACKING_URI")
        if not address:
            raise UsageError(
                "no tracker: write --tracking-uri or set MLFLOW_TRACKING_URI, for instance"
                " sqlite:////srv/mlflow/mlflow.db"
            )
        file = _file_of(address)
        if file is not None and not create and not file.exists():
            raise UsageError(
                f"no MLflow database at {file}: register a run first, or give its path"
            )
        self._client = _client(address)
        self._address, self._name = address, experiment
        self._artifacts = artifacts or (
            None if file is None else (file.parent / "artifacts").as_uri()
        )

    @cached_property
    def _experiment(self) -> str:
        return self._asked(lambda: self._find_experiment(self._name, self._artifacts))

    @cached_property
    def storage(self) -> str:
        """See `Tracker`."""
        place = self._asked(lambda: self._client.get_experiment(self._experiment).artifact_location)
        is_served = place.startswith("mlflow-artifacts:")
        return _without_login(self._address if is_served else place)

    def log(self, tracked: Tracked) -> str:
        """See `Tracker.log`; the last of several of one run holds."""
        return self._asked(lambda: self._log(tracked))

    def create(self, model: str, logged: str, tracked: Tracked) -> Version:
        """See `Tracker.create`."""

        def make() -> Version:
            self._ensure(model)
            run = self._client.get_run(logged)
            tags = {_key(name): text[:_LONGEST_TAG] for name, text in tracked.tags.items()}
            source = run.info.artifact_uri
            made = self._client.create_model_version(model, source, run_id=logged, tags=tags)
            return _version(made)

        return self._asked(make)

    def versions(self, model: str | None = None) -> Sequence[Version]:
        """See `Tracker.versions`."""

        def search() -> list[Version]:
            chosen = "" if model is None else f"name = '{_quoted(model)}'"
            found, token = [], None
            while True:
                page = self._client.search_model_versions(chosen, page_token=token)
                found += [_version(each) for each in page]
                token = page.token
                if not token:
                    break
            aliases = self._aliases({each.model for each in found})
            told = [
                each._replace(aliases=aliases.get((each.model, each.version), ())) for each in found
            ]
            return sorted(told, key=lambda v: (v.model, -int(v.version)))

        return self._asked(search)

    def alias(self, model: str, alias: str) -> str | None:
        """See `Tracker.alias`."""
        found = self._found(lambda: self._client.get_registered_model(model))
        version = None if found is None else found.aliases.get(alias)
        return None if version is None else str(version)

    def point(self, model: str, alias: str, version: str) -> None:
        """See `Tracker.point`."""
        self._asked(lambda: self._client.set_registered_model_alias(model, alias, version))

    def note(self, model: str, key: str) -> str | None:
        """See `Tracker.note`."""
        found = self._found(lambda: self._client.get_registered_model(model))
        told = None if found is None else found.tags.get(_key(key))
        return None if told is None else str(told)

    def keep_note(self, model: str, key: str, text: str) -> None:
        """See `Tracker.keep_note`."""
        self._asked(lambda: self._client.set_registered_model_tag(model, _key(key), text))

    def close(self) -> None:
        """See `Tracker.close`: MLflow keeps its connections for as long as the process lives."""

    # -------------------------------------------------------------------------------- at work

    def _log(self, tracked: Tracked) -> str:
        from mlflow.entities import Metric, Param, RunTag

        run = self._run_of(tracked)
        parameters = [
            Param(_key(name), text[:_LONGEST_PARAMETER])
            for name, text in sorted(tracked.parameters.items())
        ]
        metrics = [
            Metric(_key(m.name), m.value, round(m.at * 1e3), m.step) for m in tracked.metrics
        ]
        tags = [RunTag(_key(name), text[:_LONGEST_TAG]) for name, text in tracked.tags.items()]
        for name, rows, size in (
            ("tags", tags, _BATCH_PARAMETERS),
            ("params", parameters, _BATCH_PARAMETERS),
            ("metrics", metrics, _BATCH),
        ):
            for start in range(0, len(rows), size):
                self._client.log_batch(run, **{name: rows[start : start + size]})
        with tempfile.TemporaryDirectory(prefix="qgm-observe-") as folder:
            for name, data in tracked.artifacts.items():
                path = Path(folder) / name
                path.write_bytes(data)
                self._client.log_artifact(run, str(path))
        if tracked.ended_at is not None:
            status = "FINISHED" if tracked.is_good else "FAILED"
            self._client.set_terminated(run, status, end_time=round(tracked.ended_at * 1e3))
        return run

    def _run_of(self, tracked: Tracked) -> str:
        """A new run of MLflow's, so that what was registered of an earlier one stays as it is."""
        made = self._client.create_run(
            self._experiment,
            start_time=round(tracked.started_at * 1e3),
            run_name=tracked.name,
        )
        return str(made.info.run_id)

    def _find_experiment(self, name: str, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=artifacts))

    def _ensure(self, model: str) -> None:
        if self._found(lambda: self._client.get_registered_model(model)) is None:
            self._client.create_registered_model(model)

    def _aliases(self, models: set[str]) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for model in models:
            told = self._client.get_registered_model(model).aliases
            for alias, version in sorted(told.items()):
                found[model, str(version)] = (*found.get((model, str(version)), ()), alias)
        return found

    def _found(self, ask: Callable[[], Answer]) -> Answer | None:
        from mlflow.exceptions import MlflowException

        try:
            return ask()
        except MlflowException as error:
            if error.error_code == _MISSING:
                return None
            raise _trouble(error) from None

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, with whatever goes wrong as one line without a secret."""
        from mlflow.exceptions import MlflowException

        try:
            return ask()
        except UsageError:
            raise
        except (MlflowException, OSError) as error:
            raise _trouble(error) from None


def open_mlflow(address: str | None, experiment: str, *, create: bool) -> MLflow:
    """Open it, see `qgm_observe.trackers.registry`."""
    return MLflow(address, experiment, create=create)


def _client(address: str) -> Any:
    """A client that tells nobody of its use and does not write to the log."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise MissingExtra("MLflow", "mlflow") from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        return MlflowClient(tracking_uri=address, registry_uri=address)
    except Exception as error:  # noqa: BLE001  a wrong address raises whatever its driver does
        raise _trouble(error) from None


def _trouble(error: BaseException) -> UsageError:
    text = redacted((str(error).splitlines() or [type(error).__name__])[0])
    unanswered = _UNANSWERED.match(text)
    if unanswered:
        return UsageError(f"MLflow: nobody answers at {unanswered[1]}")
    if text.startswith(_FOLDER):
        return UsageError(
            "MLflow keeps nothing in folders any more: write --tracking-uri"
            " sqlite:////PATH/mlflow.db, or the https:// address of a server"
        )
    return UsageError(f"MLflow: {text[:_TROUBLES]}")


def _file_of(address: str) -> Path | None:
    """The database of an address, where it is a file."""
    parts = urlsplit(address)
    if parts.scheme != "sqlite" or len(parts.path) < 2:  # noqa: PLR2004  a slash and a name
        return None
    return Path(parts.path[1:]).absolute()


def _without_login(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _version(told: Any) -> Version:
    tags = dict(told.tags or {})
    return Version(
        model=told.name,
        version=str(told.version),
        run=tags.get("qgm.run"),
        source=told.source,
        aliases=tuple(told.aliases or ()),
        tags=tags,
        created_at=told.creation_timestamp / 1e3,
    )


def _key(name: str) -> str:
    return _FORBIDDEN.sub("_", name)[:_TROUBLES]


def _quoted(name: str) -> str:
    if "'" in name:
        raise UsageError(f"model {name!r}: write a name without quotes")
    return name
