"""Pictures of every page, of the office of the tests: ``python -m tests.browser.screenshots OUT``,
of some: with their names behind."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser.browser import HEIGHT, WIDTHS, browsing, chromium, log_in
from tests.browser.places import PLACES
from tests.browser.serving import accounts_office


def take(folder: Path, names: list[str]) -> None:
    """``<name>-<width>.png``, and ``<name>-<width>-dark.png``, each of the whole page; ``login``
    is the page before all others."""
    program = chromium()
    if program is None:
        sys.exit("chromium not found: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as home,
        accounts_office(Path(home)) as address,
        browsing(program) as browser,
    ):
        page = browser.new_page(base_url=address, locale="zh-CN", reduced_motion="reduce")
        for name in ["login", *(names or PLACES)]:
            if name == "login":
                page.goto("/login")
            else:
                page.goto(PLACES[name])
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                for scheme, ending in (("light", ""), ("dark", "-dark")):
                    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                    page.screenshot(path=folder / f"{name}-{width}{ending}.png", full_page=True)
            if name == "login":
                log_in(page)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    take(Path(sys.argv[1]), sys.argv[2:])
