"""`qgm-observe shelf copy`: from a checkout and a wheel, whole, never over one's own files."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from qgm_observe.cli import main, shelf

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_shelf_is_copied_whole(tmp_path, capsys):
    """Every file of the shelf arrives as it is, and their number is told."""
    target = tmp_path / "new" / "place"
    assert main(["shelf", "copy", str(target), "--only", "exporters"]) == 0
    told = capsys.readouterr().out

    assert files(target / "exporters") == files(ROOT / "exporters")
    assert told == f"{target / 'exporters'}: {len(files(ROOT / 'exporters'))} files\n"
    assert [path.name for path in target.iterdir()] == ["exporters"]


def test_all_shelves_of_the_checkout_are_copied(tmp_path):
    """Without a choice every shelf that the installation has is copied."""
    assert main(["shelf", "copy", str(tmp_path)]) == 0

    expected = {name for name in shelf.SHELVES if (ROOT / name).is_dir()}
    assert "exporters" in expected
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_what_is_there_is_not_overwritten(tmp_path, capsys):
    """A second copy is refused and changes nothing; with --force it is done."""
    words = ["shelf", "copy", str(tmp_path), "--only", "exporters"]
    mine = tmp_path / "exporters" / "provider" / "config.yml"
    assert main(words) == 0
    mine.write_text("mine")
    capsys.readouterr()

    assert main(words) == 2
    told = capsys.readouterr()
    assert told.err == (
        f"qgm-observe: {tmp_path / 'exporters'} is there: "
        "write another folder, or --force to overwrite\n"
    )
    assert mine.read_text() == "mine"
    assert main([*words, "--force"]) == 0
    assert mine.read_bytes() == (ROOT / "exporters" / "provider" / "config.yml").read_bytes()


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    """Below a file no folder can be made: one line, exit code 2."""
    (tmp_path / "file").write_text("")

    assert main(["shelf", "copy", str(tmp_path / "file"), "--only", "exporters"]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "cannot be written" in told.err


def test_a_shelf_that_is_not_there_is_told(tmp_path, monkeypatch, capsys):
    """An installation without a shelf names those that it has."""
    monkeypatch.setattr(shelf, "_root", lambda: tmp_path)
    (tmp_path / "alerts").mkdir()

    assert main(["shelf", "copy", str(tmp_path / "out"), "--only", "runbooks"]) == 2
    assert "has no shelf runbooks: write alerts" in capsys.readouterr().err


def test_every_shelf_of_the_checkout_is_in_the_wheel():
    """Each top-level shelf is forced into the wheel and stands in the source distribution."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    here = {name for name in shelf.SHELVES if (ROOT / name).is_dir()}
    inside = built["targets"]["wheel"]["force-include"]

    assert set(inside) == here
    assert set(inside.values()) == {f"qgm_observe/{shelf.INSIDE}/{name}" for name in here}
    assert here <= set(built["targets"]["sdist"]["only-include"])


@pytest.mark.slow
def test_a_built_wheel_gives_the_same_shelves(tmp_path):
    """A wheel that is really built and unpacked copies what the checkout copies."""
    build = ("build", "--wheel", "--quiet", "--no-build-isolation", "--offline")
    made = subprocess.run(
        [UV, *build, "--python", sys.executable, "--out-dir", tmp_path / "dist", ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import qgm_observe; from qgm_observe.cli import main\n"
        "assert 'site' in qgm_observe.__file__\n"
        f"sys.exit(main(['shelf', 'copy', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    for name in shelf.SHELVES:
        if (ROOT / name).is_dir():
            assert files(tmp_path / "out" / name) == files(ROOT / name)
