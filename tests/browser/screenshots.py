"""Pictures of every main page, from a real demonstration: ``python -m tests.browser.screenshots
OUT`` (``ZHITONG_HOME`` and ``ZHITONG_CACHE`` name where ``zhitong demo`` ran, as ever)."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.browser import HEIGHT, WIDTHS, browsing, chromium
from tests.browser.places import PLACES, path_of
from tests.browser.serving import demonstration


def take(folder: Path, names: list[str]) -> None:
    """``<name>-<width>.png``, and ``<name>-<width>-dark.png``, each of the whole page."""
    program = chromium()
    if program is None:
        sys.exit("chromium not found: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with demonstration() as address, browsing(program) as browser:
        for width in WIDTHS:
            page = browser.new_page(
                base_url=address,
                viewport={"width": width, "height": HEIGHT},
                locale="zh-CN",
                reduced_motion="reduce",
            )
            for name in names or PLACES:
                page.goto(path_of(page, name))
                for scheme, ending in (("light", ""), ("dark", "-dark")):
                    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                    page.screenshot(path=folder / f"{name}-{width}{ending}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    take(Path(sys.argv[1]), sys.argv[2:])
