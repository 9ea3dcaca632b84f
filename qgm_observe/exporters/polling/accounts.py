"""One scheduler for all accounts; each account has one worker, so one call at a time."""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

from qgm_observe.exporters.polling.account import Account
from qgm_observe.exporters.polling.asker import Asker
from qgm_observe.exporters.polling.page import Page
from qgm_observe.exporters.polling.question import Answer, Question

LONGEST_REST = 5.0
"""Seconds after which the scheduler looks again though nothing is due: counts are released."""

Submit = Callable[[Question], None]


class Polling:
    """Hands due questions out and takes answers in; `tick` alone changes the page.

    Args:
        page: Where answers go.
        clock: Steady seconds.
    """

    def __init__(self, page: Page, clock: Callable[[], float]) -> None:
        self.page = page
        self._clock = clock
        self._accounts: dict[Account, Submit] = {}
        self._answers: SimpleQueue[tuple[Account, Answer]] = SimpleQueue()

    def answered(self, account: Account, answer: Answer) -> None:
        """Take an answer, from any thread; the next tick looks at it."""
        self._answers.put((account, answer))

    def replace(self, accounts: Mapping[Account, Submit]) -> None:
        """Poll these accounts from now on; those that are new start at once."""
        for account in self._accounts:
            if account not in accounts:
                account.leave()
        self._accounts = dict(accounts)

    def tick(self) -> float:
        """Do what is due, make the page anew, and return the seconds until more is."""
        now = self._clock()
        while not self._answers.empty():
            account, answer = self._answers.get()
            if account in self._accounts:
                account.settle(answer, now)
        for account, submit in self._accounts.items():
            account.check(now)
            question = account.begin(now)
            if question is not None:
                submit(question)
            account.show_health()
        self.page.render()
        waits = [account.wait(now) for account in self._accounts]
        return min([LONGEST_REST, *waits]) if self._answers.empty() else 0.0

    def unasked(self) -> list[str]:
        """Return the accounts whose devices were not asked for yet."""
        return [each.config.account for each in list(self._accounts) if not each.was_asked]


class Worker:
    """A thread that asks one account's provider; a call that hangs holds up nothing else.

    Args:
        asker: Asks.
        answered: Takes each answer.
    """

    def __init__(self, asker: Asker, answered: Callable[[Answer], None]) -> None:
        self._asker = asker
        self._answered = answered
        self._questions: SimpleQueue[Question | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="qgm-observe poll", daemon=True)
        self._thread.start()

    def submit(self, question: Question) -> None:
        """Ask as soon as the call before has ended."""
        self._questions.put(question)

    def end(self) -> None:
        """End after the call that is going on."""
        self._questions.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the end for so many seconds; return whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether it still asks."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            self._answered(self._asker.perform(question))
        self._asker.close()
