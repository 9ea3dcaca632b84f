"""Whether storage is encrypted, as far as it can be seen."""

from pathlib import Path

import pytest

from qgm_observe.trackers.storage import encryption_of

MOUNTS = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 253:0 / /srv/safe rw - ext4 /dev/mapper/safe rw
3 1 253:1 / /srv/plain rw - ext4 /dev/mapper/plain rw
4 1 0:30 / /mnt/share rw - nfs4 host:/x rw
5 1 0:31 / /tmp/memory rw - tmpfs tmpfs rw
6 1 253:0 / /srv/with\\040space rw - ext4 /dev/mapper/safe rw
"""


@pytest.fixture
def system(tmp_path: Path) -> tuple[Path, Path]:
    """A kernel that tells of one encrypted device and one logical volume."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    for device, uuid in (("253:0", "CRYPT-LUKS2-0123-safe"), ("253:1", "LVM-0123")):
        (tmp_path / "block" / device / "dm").mkdir(parents=True)
        (tmp_path / "block" / device / "dm" / "uuid").write_text(uuid)
    return mounts, tmp_path / "block"


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("file:///srv/safe/artifacts", True),
        ("file:///srv/with%20space/artifacts", True),
        ("/srv/plain/artifacts", False),
        ("sqlite:////home/x/mlflow.db", False),
        ("file:///srv/safer", False),
        ("file:///mnt/share/x", None),
        ("file:///tmp/memory/x", None),
        ("s3://bucket/x", None),
        ("https://mlflow.example", None),
        ("http://mlflow.example", False),
        ("http://127.0.0.1:5000", None),
    ],
)
def test_the_answer_is_what_can_be_seen(
    system: tuple[Path, Path], address: str, answer: bool | None
) -> None:
    """dm-crypt is encrypted, another disk is not, and what is elsewhere is unknown."""
    told = encryption_of(address, *system)

    assert told.is_encrypted is answer
    assert told.reason
    assert told.text == {True: "encrypted", False: "not encrypted", None: "unknown"}[answer]


def test_without_a_list_of_mounts_it_is_unknown(tmp_path: Path) -> None:
    """A system that tells no mounts gets no answer made up."""
    assert encryption_of("/srv", tmp_path / "none").is_encrypted is None
