"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.services import Services
from api.settings import Settings


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "a;b&c=d", "唐山", "a@b:c"])
def test_the_database_lies_in_the_home_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = tmp_path / name
    monkeypatch.setenv("ZHITONG_HOME", str(home))
    monkeypatch.delenv("ZHITONG_DATABASE_URL", raising=False)
    services = Services(Settings())
    with services.writing():
        pass
    services.close()
    assert (home / "zhitong.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ZHITONG_{name.upper()}", raising=False)
    plain = Settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(f"ZHITONG_{name.upper()}", "")
    assert Settings() == plain
    assert plain.encoder == "builtin"
