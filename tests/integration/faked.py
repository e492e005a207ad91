"""The command line and the web app in this process, with the shipped fakes for a model."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

import api.parts
from api.services import Services
from indexer.build import Makers
from indexer.encoder import Encoder
from indexer.testing import FakeEncoder
from indexer.tokenizer import JiebaTokenizer
from matcher.engine import MatchConfig, MatchEngine
from matcher.testing import open_config


@functools.cache
def shipped_tokenizer() -> JiebaTokenizer:
    """With the shipped dictionary, read once."""
    return JiebaTokenizer()


def use_fakes(
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    encoder: Encoder | None = None,
    config: MatchConfig | None = None,
) -> None:
    """Every ``Services`` made from here on has no real model; its state is below ``home``."""
    makers = Makers(encoder or FakeEncoder(), shipped_tokenizer())
    chosen = config or open_config(makers.encoder)
    monkeypatch.setenv("ZHITONG_HOME", str(home))
    for name in ("ZHITONG_DATABASE_URL", "ZHITONG_ENCODER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api.parts, "ensure_builtin_model", lambda *_: home)
    monkeypatch.setattr(Services, "makers", property(lambda _: makers))
    monkeypatch.setattr(
        Services, "engine", property(lambda self: MatchEngine(makers, self.store, chosen))
    )
