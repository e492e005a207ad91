"""The office of ``tests.browser.office`` with the people of a morning:
``python -m tests.browser.morning_office HOME PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from api.clock import now_at
from api.security.accounts import AccountRepository
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from tests.browser import office
from tests.integration.faked import use_fakes
from tests.integration.office import PASSWORD, hash_quickly

OFFICERS = ("ligong", "sungong", "zhougong", "hangong")
"""Each test has one of its own, so that their desks do not mix."""
COUNTY, COUNTY_NAME = "yutian", "玉田县"


def fill(services: Services) -> None:
    """The records of that office, four officers, and the office of a county."""
    office.fill(services)
    with services.writing() as session:
        accounts = AccountRepository(session)
        for name in OFFICERS:
            accounts.create(name, Role.OFFICER, PASSWORD, now_at())
        accounts.create(COUNTY, Role.COUNTY, PASSWORD, now_at(), county=COUNTY_NAME)


def main(home: Path, port: int) -> None:
    """Serve until the process is ended."""
    with pytest.MonkeyPatch.context() as patch:
        use_fakes(patch, home)
        hash_quickly(patch)
        app = create_app(Settings())
        fill(app.state.services)
        uvicorn.run(app, host="127.0.0.1", port=port, http="h11", log_level="info")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
