"""What several commands take as the value of an option."""

import argparse


def count(text: str) -> int:
    """Return a count of 1 or more."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a count of 1 or more")
    return int(text)


def qubits(text: str) -> tuple[int, ...]:
    """Return different qubits of a device, in the order written."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 0 or len(set(found)) != len(found):
        raise argparse.ArgumentTypeError(f"{text!r}: write different qubits such as 0,1,4")
    return found
