"""Logins: paid for once, bounded, and telling a stranger nothing."""

import asyncio
import base64
import gc
import threading

import bcrypt
import pytest

from qgm_observe.exporters.web import logins
from qgm_observe.exporters.web.logins import Logins, Verdict

USERS = {"alice": bcrypt.hashpw(b"canary-7f3a", bcrypt.gensalt(4))}


def field(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


RIGHT = field("alice", "canary-7f3a")


class Check:
    """Compares like bcrypt and counts."""

    def __init__(self):
        self.hashes = []

    def __call__(self, password, hashed):
        self.hashes.append(hashed)
        return bcrypt.checkpw(password, hashed)


def verdicts(users, fields, check):
    async def main():
        known = Logins(users, check)
        return [await known.verdict(each) for each in fields]

    return asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Bearer " + RIGHT.split()[1],
        "Basic " + base64.b64encode(b"alice").decode(),
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Basic " + "A" * 5000,
        field("alice", "wrong"),
        field("bob", "canary-7f3a"),
        field("", ""),
    ],
)
def test_only_the_right_login_is_proven(wrong):
    """Whatever is not a user with the right password is refused."""
    assert verdicts(USERS, [RIGHT, wrong], Check()) == [Verdict.PROVEN, Verdict.REFUSED]


def test_the_scheme_has_no_case():
    """The scheme is matched whatever its case (RFC 7617 section 2)."""
    assert verdicts(USERS, [RIGHT.replace("Basic", "bAsIc")], Check()) == [Verdict.PROVEN]


def test_each_login_is_compared_once():
    """Repeated logins, right or wrong, cost one comparison each."""
    check = Check()
    verdicts(USERS, [RIGHT, field("alice", "no"), field("bob", "no")] * 5, check)

    assert len(check.hashes) == 3


def test_a_stranger_costs_a_comparison_too():
    """An unknown name is compared with a decoy as dear as the users' own hashes."""
    check = Check()
    verdicts(USERS, [field("bob", "no")], check)

    assert check.hashes[0] not in USERS.values()
    assert check.hashes[0].split(b"$")[2] == b"04"


def test_a_crowd_with_one_login_is_compared_once():
    """Sixty-four scrapes at once with the same login wait for one comparison."""
    check = Check()

    async def main():
        known = Logins(USERS, check)
        return await asyncio.gather(*(known.verdict(RIGHT) for _ in range(64)))

    assert asyncio.run(main()) == [Verdict.PROVEN] * 64
    assert len(check.hashes) == 1


def test_a_crowd_of_guesses_is_turned_away_and_known_users_are_not():
    """While guesses wait their turn, further ones are told to come again and a user gets in."""
    free = threading.Event()

    def check(password, hashed):
        if password != b"canary-7f3a":
            assert free.wait(10)
        return bcrypt.checkpw(password, hashed)

    async def main():
        known = Logins(USERS, check)
        assert await known.verdict(RIGHT) is Verdict.PROVEN
        guesses = [
            asyncio.create_task(known.verdict(field("alice", f"guess {n}"))) for n in range(40)
        ]
        await asyncio.sleep(0)
        busy = sum(task.done() and task.result() is Verdict.BUSY for task in guesses)
        known_user = await known.verdict(RIGHT)
        free.set()
        return busy, known_user, await asyncio.gather(*guesses)

    busy, known_user, found = asyncio.run(main())

    assert known_user is Verdict.PROVEN
    assert busy == 40 - logins.MOST_WAITING
    assert found.count(Verdict.REFUSED) == logins.MOST_WAITING


def test_guesses_never_displace_a_user(monkeypatch):
    """However many logins are refused, a proven one is not compared again; old guesses are."""
    monkeypatch.setattr(logins, "MOST_REFUSED", 8)
    check = Check()
    guesses = [field("alice", f"guess {n}") for n in range(30)]
    verdicts(USERS, [RIGHT, *guesses, RIGHT, guesses[0]], check)

    assert len(check.hashes) == 1 + 30 + 1


def test_no_password_stays_in_memory():
    """After a login no object that logins hold contains the password."""

    async def main():
        known = Logins(USERS, Check())
        await known.verdict(RIGHT)
        return known

    known = asyncio.run(main())
    seen, ahead = set(), [known.__dict__]
    while ahead:
        each = ahead.pop()
        if id(each) not in seen and isinstance(each, dict | list | tuple | bytes | str | set):
            seen.add(id(each))
            assert not (isinstance(each, bytes) and b"canary" in each)
            assert not (isinstance(each, str) and "canary" in each)
            ahead += gc.get_referents(each)
