"""The frame: names, imports, documented settings, the README's commands."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("matcher", "indexer", "api", "corpus", "eval")


def test_no_other_distribution_owns_one_of_the_five_names() -> None:
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["zhitong"])) == {"zhitong"}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_what_the_program_imports_is_in_the_lock_and_not_of_the_tests_only() -> None:
    """An install from the README has only the dependencies; this environment has more.

    ``eval.bench`` is for developers: it may need what the tests or its yardstick install.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {_normal(re.split(r"[\[<>=]", each)[0]) for each in project["dependencies"]}
    # These come with what is declared (fastapi, sqlmodel, transformers).
    declared |= {"starlette", "sqlalchemy", "huggingface-hub"}
    locked = {
        _normal(line.partition("==")[0])
        for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    }
    owners = packages_distributions()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if (ROOT / "eval" / "bench") in path.parents:
                continue
            for module in set(_imported(path)) - set(PACKAGES) - sys.stdlib_module_names:
                names = {_normal(each) for each in owners.get(module, [])}
                assert names & declared, f"{path} imports {module}"
                assert names & locked, f"{module} is not in requirements.lock"


def test_the_lock_holds_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    locked = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    names = {_normal(line.partition("==")[0]) for line in locked}
    assert {_normal(re.split(r"[\[<>=]", each)[0]) for each in wanted} <= names


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
