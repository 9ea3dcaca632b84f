"""What can go wrong, as types.

Error:
├── UsageError        bad input: one line that says what to write instead
│   └── MissingExtra  an optional dependency is not installed
├── BudgetExceeded    a guard that was asked for stopped work before it cost anything
└── JournalError      the journal cannot be opened, read or written
    ├── CorruptJournal
    └── NewerJournal  written by a later version of this package

The command line turns every `Error` into one line on standard error and exit code 2.
"""


class Error(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(Error, ValueError):
    """Input that cannot be used; the message says what to write instead."""


class MissingExtra(UsageError, ImportError):
    """An optional dependency is absent; the message carries its pip command."""

    def __init__(self, feature: str, extra: str) -> None:
        """Name the `feature` that was asked for and the `extra` that brings it."""
        super().__init__(f"{feature} needs more packages: pip install 'qgm-observe[{extra}]'")
        self.extra = extra


class BudgetExceeded(Error):
    """A guard stopped a submission; the only error of ours that reaches a training."""


class JournalError(Error):
    """The journal cannot be opened, read or written."""


class CorruptJournal(JournalError):
    """The file is damaged or is no journal."""


class NewerJournal(JournalError):
    """The journal was written by a later version of this package."""
