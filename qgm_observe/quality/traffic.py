"""What two versions of a model came to in one respect, root by root."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from qgm_observe.quality.series import Array
from qgm_observe.quality.strata import Fit, Flags, Numbers, fitted


class Seen(NamedTuple):
    """What one criterion saw of one root.

    Attributes:
        look: The first look that counts it, from 1.
        place: Where it ran.
        together: What stands or falls with it in this version, such as a session's id.
    """

    value: float
    is_candidate: bool
    look: int
    place: str
    together: str


@dataclass(frozen=True, eq=False)
class Traffic:
    """What one criterion saw of both versions.

    Attributes:
        values: Of each root, shape (roots,); above 0 for ratios.
        cluster: Which cluster it is in, from 0, shape (roots,).
        is_candidate: Of each cluster, shape (clusters,).
        stratum: Of each cluster, from 0, shape (clusters,); a stratum lies within one look.
        look: The first look that counts it, from 1, shape (clusters,).
    """

    values: Array
    cluster: Numbers
    is_candidate: Flags
    stratum: Numbers
    look: Numbers

    @classmethod
    def of(cls, roots: Iterable[Seen]) -> "Traffic":
        """Return traffic: a look at a place is a stratum, what is together a cluster."""
        told = list(roots)
        keys = [(each.look, each.place, each.is_candidate, each.together) for each in told]
        clusters = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        strata = {key: number for number, key in enumerate(dict.fromkeys(k[:2] for k in clusters))}
        return cls(
            np.array([each.value for each in told], np.float64),
            np.array([clusters[key] for key in keys], np.int64),
            np.array([key[2] for key in clusters], np.bool_),
            np.array([strata[key[:2]] for key in clusters], np.int64),
            np.array([key[0] for key in clusters], np.int64),
        )

    def until(self, look: int) -> "Traffic":
        """Return what a look counts."""
        kept = self.look <= look
        if kept.all():
            return self
        place = np.cumsum(kept) - 1
        roots = kept[self.cluster]
        return Traffic(
            self.values[roots],
            place[self.cluster[roots]],
            self.is_candidate[kept],
            self.stratum[kept],
            self.look[kept],
        )

    @cached_property
    def sizes(self) -> Array:
        """Roots of each cluster."""
        return np.bincount(self.cluster, minlength=len(self.is_candidate)).astype(np.float64)

    @property
    def counts(self) -> tuple[int, int]:
        """Clusters of the stable version and of the candidate."""
        mine = int(self.is_candidate.sum())
        return len(self.is_candidate) - mine, mine

    def means(self, values: Array) -> Array:
        """Return the mean of each cluster."""
        summed = np.bincount(self.cluster, values, minlength=len(self.sizes))
        return np.asarray(summed / np.maximum(self.sizes, 1))

    def fit(self, values: Array, *, is_share: bool) -> Fit | None:
        """Return the candidate's mean minus the stable one's."""
        means = self.means(values)
        return fitted(means, self.is_candidate, self.stratum, is_share=is_share)
