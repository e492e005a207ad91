"""The web application as a process of its own, with accounts, sample records and the shipped
fakes for a model: ``python -m tests.browser.office HOME PORT``."""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.importing import import_file
from api.security.accounts import AccountRepository
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.importing.profiles import plain_profile
from corpus.model import Achievement, Kind, Need, Organisation
from corpus.repository import CorpusRepository
from tests.browser.furnish import USER, add_records, furnish
from tests.integration.faked import use_fakes
from tests.integration.office import PASSWORD, hash_quickly

# Nothing that people import may break a page: no blank to break at, and markup.
_LONG = "钢渣" * 500 + "x" * 1500 + "<b>粗</b>"
_RECORDS: list[Need | Achievement] = [
    Need(key="L0", title=_LONG, text="钢渣微粉用作水泥掺合料。" + _LONG, county="迁安市"),
    Achievement(key="L1", title=_LONG, text=_LONG, organisation=Organisation(_LONG, "北京")),
]


def fill(services: Services) -> None:
    """The shipped samples, records that are hard to show, and an administrator."""
    with as_file(files("corpus.resources").joinpath("sample")) as folder:
        for kind, name in ((Kind.ACHIEVEMENT, "achievements.jsonl"), (Kind.NEED, "needs.jsonl")):
            import_file(services, folder / name, plain_profile(kind))
    add_records(services)
    with services.writing() as session:
        CorpusRepository(session).upsert(_RECORDS, now_at())
    for kind in Kind:
        services.refresh_index(kind)
    with services.writing() as session:
        AccountRepository(session).create(USER, Role.ADMINISTRATOR, PASSWORD, now_at())


def main(home: Path, port: int) -> None:
    """Serve until the process is ended."""
    with pytest.MonkeyPatch.context() as patch:
        use_fakes(patch, home)
        hash_quickly(patch)
        first = create_app(Settings())
        fill(first.state.services)
        with TestClient(first, "https://office", follow_redirects=False) as client:
            furnish(client, home / "files")
        first.state.services.close()
        uvicorn.run(
            create_app(Settings()), host="127.0.0.1", port=port, http="h11", log_level="info"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
