"""File systems and private files."""

import stat

import pytest

from qgm_observe.errors import JournalError
from qgm_observe.journal import files

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /home rw - nfs4 server:/home rw
41 40 0:36 / /home/me/local rw - tmpfs tmpfs rw
42 22 0:37 / /mnt/my\\040share rw shared:2 master:3 - fuse.sshfs me@there: rw
43 22 0:38 / /data rw - xfs /dev/sdb rw
44 22 0:39 / /data rw - lustre fs@tcp:/data rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/var/lib/journal.db", "ext4", False),
        ("/home/me/journal.db", "nfs4", True),
        ("/homestead/journal.db", "ext4", False),
        ("/home/me/local/journal.db", "tmpfs", False),
        ("/mnt/my share/journal.db", "fuse.sshfs", True),
        ("/data/journal.db", "lustre", True),
    ],
)
def test_the_deepest_and_latest_mount_tells_the_file_system(tmp_path, path, kind, network):
    """A path lies on the last mount of the longest mount point above it, blanks unescaped."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    path = files.Path(path)
    assert files.file_system(path, mounts) == kind
    assert files.is_network(path, mounts) is network


def test_this_machine_tells_where_its_temporary_files_lie(tmp_path):
    """The real mount table names a file system for a real path."""
    assert files.file_system(tmp_path) not in {"", *files.NETWORK}


def test_a_system_without_a_mount_table_counts_as_local(tmp_path):
    """Where the system does not tell, the file system is taken for a local one."""
    assert files.file_system(tmp_path, tmp_path / "none") == ""
    assert not files.is_network(tmp_path, tmp_path / "none")


def test_new_directories_are_private_and_old_ones_left_alone(tmp_path):
    """What is created is for the user alone; what was there keeps its mode."""
    (tmp_path / "old").mkdir(mode=0o755)
    files.make_private_directory(tmp_path / "old" / "a" / "b")
    modes = {p: stat.S_IMODE((tmp_path / "old" / p).stat().st_mode) for p in (".", "a", "a/b")}
    assert modes == {".": 0o755, "a": 0o700, "a/b": 0o700}


def test_an_existing_file_keeps_its_content(tmp_path):
    """A file that is there is neither emptied nor given another mode."""
    path = tmp_path / "x"
    path.write_text("content")
    path.chmod(0o640)
    files.make_private_file(path)
    assert path.read_text() == "content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_path_below_a_file_is_refused_in_one_line(tmp_path):
    """A directory that cannot be created gives one line that says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="give another path") as caught:
        files.make_private_directory(tmp_path / "file" / "below")
    assert "\n" not in str(caught.value)
