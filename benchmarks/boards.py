"""What boards cost, and what they show of a healthy month and of an outage. Prints two tables.

    python benchmarks/boards.py [--panels] [--pictures benchmarks/pictures]

A month is recorded in a real Prometheus (`tests/dashboards/recorded.py`), and every query of every
panel is asked at the end of good days and at the end of an outage. `answered` counts queries that
return a number; colors are those of the newest values, by the board's own thresholds and mappings.
Seconds are of the whole machine, and depend on what else it does. Pictures are previews of the
outage, as Chromium draws them.
"""

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgm_observe.alerts.configuration import load_configuration
from qgm_observe.dashboards import shelf
from qgm_observe.dashboards.panels import board_json, canonical
from qgm_observe.dashboards.preview import preview
from qgm_observe.dashboards.preview.asking import Answer, Asker, panels_of
from qgm_observe.dashboards.preview.figures import shown
from qgm_observe.slo.prometheus import Prometheus

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".tools" / "bin"
MOST_SECONDS = 1.0
PICTURES = {
    "on-call": ("", 1010),
    "slo": ("", 1010),
    "calibration": ("Coupling map", 840),
    "cost": ("", 1010),
}
"""Board to the panel whose row alone is shown, if any, and to the pixels of its page."""

sys.path.insert(0, str(ROOT / "tests"))


def main() -> int:
    """Record, ask, print; 1 if rendering took over a second, or a board is mute."""
    from dashboards.evaluated import record
    from dashboards.recorded import running

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", action="store_true", help="a row a panel")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw README's pictures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        record(Path(folder), TOOLS / "prometheus", TOOLS / "promtool")
        print(f"month recorded in {time.monotonic() - begun:.1f} s\n")
        begun = time.process_time()
        made = shelf.boards(load_configuration(None, {}))
        boards = {board.slug: board_json(board) for board in made}
        rendered = time.process_time() - begun
        print(f"{len(boards)} boards rendered in {rendered:.2f} s of the processor\n")
        with running(TOOLS / "prometheus", Path(folder) / "data") as url:
            told = report(boards, Prometheus(url), each_panel=options.panels)
            if options.pictures:
                draw(boards, Prometheus(url), options.pictures, Path(folder))
    return 0 if rendered <= MOST_SECONDS and told else 1


def draw(boards: dict[str, Any], server: Prometheus, pictures: Path, work: Path) -> None:
    """Write the upper part of some previews as PNG."""
    from dashboards.month import END

    pictures.mkdir(parents=True, exist_ok=True)
    for slug, (title, height) in PICTURES.items():
        page = work / f"{slug}.html"
        text = preview(boards[slug], server, END, {"slo": "training-success"})
        number = next((each["id"] for each in panels_of(boards[slug]) if each["title"] == title), 0)
        rest = f"<style>main > :not(:has(#panel-{number})) {{display: none}}</style></head>"
        page.write_text(text.replace("</head>", rest, 1) if number else text)
        picture = (pictures / f"{slug}.png").resolve()
        words = [f"--screenshot={picture}", f"--window-size=1250,{height}", "--hide-scrollbars"]
        words.append(f"--user-data-dir={work / 'chromium'}")
        subprocess.run(
            [TOOLS / "chromium", *words, page.as_uri()],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        print(f"{picture}: {picture.stat().st_size / 1e3:.0f} kB")


def report(boards: dict[str, Any], server: Prometheus, *, each_panel: bool) -> bool:
    """Print a row a board, or a row a panel; false if a board has no answer at all."""
    from dashboards.month import END, HEALTHY

    head = ("board", "panels", "queries", "kB", "answered", "red", "answered", "red", "page kB")
    if each_panel:
        head = ("board", "panel", "kind", "queries", "answered", "colors", "answered", "colors")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    mute = 0
    for slug, board in boards.items():
        panels = [panel for panel in panels_of(board) if panel.get("targets")]
        told = {
            at: [Asker(board, server, at).answers(panel) for panel in panels]
            for at in (HEALTHY, END)
        }
        mute += any(sum(map(answered, answers)) == 0 for answers in told.values())
        if each_panel:
            for number, panel in enumerate(panels):
                ends = [cell for at in told for cell in _cells(panel, told[at][number])]
                row(slug, panel["title"], panel["type"], len(panel["targets"]), *ends)
            continue
        ends = []
        for answers in told.values():
            reds = sum("red" in colors(p, a) for p, a in zip(panels, answers, strict=True))
            ends += [sum(map(answered, answers)), reds]
        size = len(canonical(board).encode()) / 1e3
        page = len(preview(board, server, END).encode()) / 1e3
        queries = sum(len(panel["targets"]) for panel in panels)
        row(slug, len(panels), queries, f"{size:.0f}", *ends, f"{page:.0f}")
    return not mute


def _cells(panel: Any, answers: Sequence[Answer]) -> tuple[int, str]:
    return answered(answers), ", ".join(sorted(colors(panel, answers) - {"text", "blue"}))


def answered(answers: Sequence[Answer]) -> int:
    """Count queries that returned a number."""
    return sum(
        any(math.isfinite(value) for line in answer.lines for _, value in line.points)
        for answer in answers
    )


def colors(panel: Any, answers: Sequence[Answer]) -> set[str]:
    """Return the colors of a panel's newest values, lines that values are held against apart."""
    limits = {
        override["matcher"]["options"]
        for override in panel["fieldConfig"].get("overrides", ())
        for each in override["properties"]
        if each["id"] == "custom.lineStyle"
    }
    return {each.color for each in shown(panel, [a for a in answers if a.ref not in limits])}


def row(*cells: object) -> None:
    """Print one."""
    print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    sys.exit(main())
