"""A delivery that is killed a hundred times sends nothing twice and loses nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from api.mail.outbox import Outbox, State
from corpus.database import writer
from tests.conftest import NOW_AT
from tests.integration.outbox_killed import POINTS
from tests.integration.smtp import smtp_server
from tests.integration.test_outbox import HOST, MAIL

ROOT = Path(__file__).resolve().parents[2]
MAILS, KILLS = 200, 105


def test_killed_at_every_boundary_nobody_gets_two_and_nobody_is_lost(
    engine: Engine, rng: np.random.Generator
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    with writer(engine) as session:
        for number in range(MAILS):
            mail = replace(MAIL, recipient=f"r{number}@d.example")
            Outbox(session).put(mail, HOST, NOW_AT)
        session.commit()
    plan = [(list(POINTS)[n % len(POINTS)], int(rng.integers(1, 5))) for n in range(KILLS)]
    with smtp_server() as server:
        command = [sys.executable, "-m", "tests.integration.outbox_killed", url, str(server.port)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as driver:
            assert driver.stdin
            assert driver.stdout
            codes = []
            for point, number in [*plan, ("-", 0)]:
                driver.stdin.write(f"{point}\t{number}\n")
                driver.stdin.flush()
                codes.append(int(driver.stdout.readline()))
            driver.stdin.close()
        assert codes[-1] == 0
        killed = Counter(codes)[-signal.SIGKILL]
        assert killed >= 100
        taken = server.recipients
        assert set(server.ids.values()) == {1}, "nobody gets two"
    with writer(engine) as session:
        outbox = Outbox(session)
        states = outbox.counts()
        unknown = {entry.recipient for entry in outbox.entries(State.UNKNOWN, limit=MAILS)}
        sent = {entry.recipient for entry in outbox.entries(State.SENT, limit=MAILS)}
    assert set(states) <= {State.SENT, State.UNKNOWN}
    assert states.total() == MAILS
    assert sent <= set(taken)
    assert set(taken) <= sent | unknown, "whoever got one is among the sent or the unknown"
    assert len(unknown) <= killed, "a crash leaves at most one in doubt"
