"""Servers as processes on a free port of the loopback; each is ended when it is no longer used."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.acceptance.conftest import ROOT, free_port


@contextmanager
def serving(arguments: Sequence[str], port: int) -> Iterator[str]:
    """The address of a server that Python runs with ``arguments``; waits for what it prints."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if re.search(r"Uvicorn running on", line):
                    break
            else:
                raise RuntimeError("the server ended before it was ready:\n" + "".join(lines))
            # Nobody reads on; a full pipe would stop the server.
            Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def accounts_office(home: Path) -> Iterator[str]:
    """``tests.browser.office``: people log in."""
    port = free_port()
    with serving(["-m", "tests.browser.office", str(home), str(port)], port) as address:
        yield address
