"""The frame: names, imports, documented settings, the README's commands."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions
from pathlib import Path

from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("matcher", "indexer", "api", "corpus", "eval")


def test_no_other_distribution_owns_one_of_the_five_names() -> None:
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["zhitong"])) == {"zhitong"}


def test_eval_is_only_imported_by_from() -> None:
    for path in ROOT.rglob("*.py"):
        if ".venv" in path.parts:
            continue
        assert not re.search(
            r"^\s*import eval\b|^\s*from eval import", path.read_text("utf-8"), re.M
        ), path


def test_the_readme_documents_exactly_the_settings() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(ZHITONG_\w+)` \|", readme, re.M))
    assert documented == {f"ZHITONG_{name.upper()}" for name in Settings.model_fields}


def test_the_readme_has_the_two_commands_on_one_line_each() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name, end in (("demo", "zhitong demo"), ("test", "pytest -q")):
        block = re.search(rf"<!-- command: {name} -->\n```sh\n(.+)\n```", readme)
        assert block
        assert block[1].endswith(end)
        assert "requirements.lock" in block[1]


def test_only_the_edge_reads_environment_and_clock() -> None:
    forbidden = re.compile(r"os\.environ|os\.getenv|datetime\.now|date\.today|time\.time\(")
    for package in ("corpus", "indexer", "matcher"):
        for path in (ROOT / package).rglob("*.py"):
            assert not forbidden.search(path.read_text("utf-8")), path
