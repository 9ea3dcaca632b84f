"""Jobs of an account that wait or run at its provider, also those that nobody waits for any more.

A job is ours when it carries the tag `qgm-<job id>`. It is abandoned when the journal knows the
run that it belongs to, and that run has ended.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from qgm_observe.catalog import provider_signals as signals
from qgm_observe.exporters.polling.page import Sample
from qgm_observe.providers.protocol import JobState, ProviderJob

TAG = "qgm-"
UNKNOWN_DEVICE = "unknown"
Account = tuple[str, str]


def samples(
    account: Account,
    jobs: Sequence[ProviderJob],
    devices: Collection[str],
    ended: Collection[str] | None,
) -> Iterator[Sample]:
    """Yield how many jobs are pending, and since when.

    Args:
        account: Provider and account.
        jobs: That wait or run, those of all users of the account.
        devices: Of which nothing pending is known to be 0.
        ended: Ids of our jobs whose run has ended, `None` where no journal tells.
    """
    pending = [job for job in jobs if not job.state.is_final]
    names = {_device(job) for job in pending} | set(devices)
    counts = Counter((_device(job), job.state, _origin(job)) for job in pending)
    for device in sorted(names):
        for state in (JobState.QUEUED, JobState.RUNNING, JobState.UNKNOWN):
            for origin in ("ours", "other"):
                labels = (*account, device, state.value, origin)
                yield Sample(signals.ACCOUNT_PENDING, labels, counts[device, state, origin])
    yield from _oldest(account, pending)
    if ended is not None:
        given_up = Counter(_device(job) for job in pending if set(our_ids(job)) & set(ended))
        for device in sorted(names):
            yield Sample(signals.ACCOUNT_ABANDONED, (*account, device), given_up[device])


def our_ids(job: ProviderJob) -> list[str]:
    """Return the ids that our tags on a provider's job carry."""
    return [tag.removeprefix(TAG) for tag in job.tags if tag.startswith(TAG)]


def _oldest(account: Account, pending: Sequence[ProviderJob]) -> Iterator[Sample]:
    oldest: dict[tuple[str, str], float] = {}
    for job in pending:
        if job.created_at is not None:
            key = (_device(job), _origin(job))
            oldest[key] = min(job.created_at, oldest.get(key, job.created_at))
    for key, created_at in oldest.items():
        yield Sample(signals.ACCOUNT_OLDEST_PENDING, (*account, *key), created_at)


def _device(job: ProviderJob) -> str:
    return job.device or UNKNOWN_DEVICE


def _origin(job: ProviderJob) -> str:
    return "ours" if our_ids(job) else "other"
