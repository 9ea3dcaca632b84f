"""An answer to one of the questions that the catalog lists, with its reason."""

from dataclasses import dataclass

from qgm_observe.catalog.questions import ANSWERS
from qgm_observe.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was asked and what is answered.

    Attributes:
        question: One of `qgm_observe.catalog.questions.ANSWERS`.
        answer: One of the question's answers.
        reason: Why, in one sentence; never data.
    """

    question: str
    answer: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what the catalog does not list."""
        if self.answer not in ANSWERS.get(self.question, ()):
            raise UsageError(f"verdict {self.question}={self.answer}: write one of the catalog's")
