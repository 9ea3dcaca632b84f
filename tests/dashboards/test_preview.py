"""The page of a preview, and how a browser shows it."""

import html.parser
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgm_observe.cli import main
from qgm_observe.dashboards.preview import preview
from qgm_observe.dashboards.preview.asking import panels_of

from .month import END, HEALTHY, START

pytestmark = pytest.mark.timeout(240)  # the month is recorded by whichever test comes first


class Page(html.parser.HTMLParser):
    """The elements of a page, those left open, and what it loads from elsewhere."""

    VOID = frozenset({"meta", "br", "img", "input", "hr", "link", "path", "circle", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.strays: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID or tag in {"rect", "path", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] == "p" != tag:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.strays.append(tag)


@pytest.mark.parametrize("now", [HEALTHY, END], ids=["healthy", "outage"])
def test_a_page_stands_alone_and_tells_what_it_is(
    rendered: dict[str, Any], server: Any, now: float
) -> None:
    """Every panel is there with a heading, its query and its count; nothing comes from outside."""
    for board in rendered.values():
        text = preview(board, server, now)
        page = Page(text)
        tags = [tag for tag, _ in page.found]
        asking = [each for each in panels_of(board) if each["type"] != "row"]

        assert "not Grafana" in text
        assert "<h3>$" not in text
        assert tags.count("section") == len(asking) == tags.count("h3")
        assert len(re.findall(r"returned \d+ series|asks no query", text)) == len(asking)
        assert {"script", "link", "iframe", "img", "a"} & set(tags) == set()
        assert not re.search(r"url\(|@import|https?://[^\s<\"]*\.(js|css)", text)
        assert page.strays == []
        assert all(
            attrs.get("aria-label") for tag, attrs in page.found if attrs.get("role") == "img"
        )
        assert dict(page.found)["html"] == {"lang": "en"}


@pytest.mark.slow
def test_a_browser_draws_every_board(
    rendered: dict[str, Any],
    server: Any,
    tools: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Chromium draws each page; no heading, number or legend is cut off on its right side."""
    probe = (
        "<script>const right = e => e.getBoundingClientRect().right;"
        "addEventListener('load', () => { const cut = [...document.querySelectorAll("
        "'h3, .figure, .stat, svg')].filter(e => e.scrollWidth > e.clientWidth + 1 || "
        "right(e) > right(e.closest('section') ?? e) + 1);"
        "document.title = JSON.stringify({cut: cut.map(e => e.textContent.slice(0, 60)), "
        "panels: document.querySelectorAll('section').length, "
        "charts: [...document.querySelectorAll('section svg[role=img]')].filter("
        "e => e.getBoundingClientRect().height > 20).length}); })</script>"
    )
    for slug, board in rendered.items():
        text = preview(board, server, END)
        place = tmp_path / f"{slug}.html"
        place.write_text(text.replace("</main>", f"</main>{probe}"))
        words = ["--dump-dom", "--window-size=1250,2000", f"--user-data-dir={tmp_path / 'own'}"]
        outcome = subprocess.run(
            [tools("chromium"), *words, place.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        told = json.loads(re.findall(r"<title>(\{.*?\})</title>", outcome.stdout)[0])

        assert told["panels"] == text.count("<section")
        assert told["charts"] == text.count('<svg role="img"')
        assert told["cut"] == []


def test_the_command_draws_every_board(
    month: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`render --preview` writes a page a board into `previews` and touches no shelf."""
    words = ["--preview", "--prometheus", month, "--at", str(START - 1e7)]  # nothing is there yet

    assert main(["render", str(tmp_path), *words]) == 0

    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [
        "qgm-calibration.html",
        "qgm-cost.html",
        "qgm-debug.html",
        "qgm-executive.html",
        "qgm-on-call.html",
        "qgm-slo.html",
        "qgm-telemetry.html",
    ]
    assert "7 files, 7 changed" in capsys.readouterr().out


def test_a_preview_needs_a_prometheus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an address the one line says what to write."""
    assert main(["render", str(tmp_path), "--preview"]) == 2

    assert "--preview: write --prometheus http://HOST:9090 too" in capsys.readouterr().err
