"""Ids from a generator of our own, so that nobody's seeded randomness moves."""

import os
import random

_generator = random.Random(os.urandom(32))  # noqa: S311  an id is no secret
new_id = _generator.getrandbits
"""`new_id(64)` and `new_id(128)` give a fresh id as an integer."""


def _reseed() -> None:
    _generator.seed(os.urandom(32))


os.register_at_fork(after_in_child=_reseed)
