"""The web process with fakes for a model, as processes of its own:
``python -m tests.integration.served PORT WORKERS``, settings in the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray

import api.parts
from api import serving
from api.app import create_app
from api.services import Services
from api.settings import Settings
from indexer.build import Makers
from indexer.testing import CharTokenizer, FakeEncoder
from matcher.engine import MatchConfig, MatchEngine
from matcher.testing import plain_model

GATE = "SERVED_GATE"
"""Environment variable: a named pipe. A query with ``HELD`` is not answered before it is written
to, and closed."""
HELD = "等一等"
BROKEN = "出故障"
"""A query with it fails, and the error's message repeats it."""


class GatedEncoder(FakeEncoder):
    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        if any(HELD in text for text in texts):
            Path(os.environ[GATE]).read_bytes()
        for text in texts:
            if BROKEN in text:
                raise RuntimeError(f"cannot embed {text}")
        return super().encode_queries(texts, progress)


def use_gated(patch: pytest.MonkeyPatch) -> None:
    makers = Makers(GatedEncoder(), CharTokenizer())
    config = MatchConfig(model=plain_model(makers.encoder))
    patch.setattr(api.parts, "ensure_builtin_model", lambda *_: Path())
    patch.setattr(Services, "makers", property(lambda _: makers))
    patch.setattr(
        Services, "engine", property(lambda self: MatchEngine(makers, self.store, config))
    )


def worker_app() -> FastAPI:
    use_gated(pytest.MonkeyPatch())
    return create_app(Settings())


def main() -> None:
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    settings = Settings()
    if workers == 1:
        serving.run(worker_app(), settings, "127.0.0.1", port)
    else:
        serving.run_workers(
            settings, "127.0.0.1", port, workers, "tests.integration.served:worker_app"
        )


if __name__ == "__main__":
    main()
