"""Many officers at once: what they wait for, whether anything fails, whether memory grows.

    python -m eval.bench.load DATA [--users 20] [--seconds 60] [--workers 4] [--pause 1.0]
        [--home FOLDER]

Method. Needs and achievements of DATA/listings stand in a database of their own with real indexes;
``zhitong serve --workers N`` answers on loopback. Each user has an account, logs in through the
form, and then in turn searches for the title of a random need, opens a need with its matches, and
reads a list, with a pause between (exponential, of that mean) as people need it for reading. The
users run in a process of their own on the same cores, so that part of the machine is theirs. A wait
lasts from the request to the last byte. The memory is the sum of the proportional set sizes (PSS)
of the server's processes, each minute.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

PASSWORD = "granite-lantern-orbit"  # noqa: S105 -- of accounts that end with the run
PROGRAM = (sys.executable, "-c", "from api.cli import main; main()")
SEED = 20261125
Needs = list[tuple[str, str]]
"""Ids and needs."""
Waits = dict[str, list[float]]


def main(arguments: list[str]) -> None:
    """Set up, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--pause", type=float, default=1.0)
    parser.add_argument("--home", type=Path, help="kept, and used again as it is")
    given = parser.parse_args(arguments)
    with _home(given.home) as home:
        os.environ |= {
            "ZHITONG_HOME": str(home),
            "ZHITONG_PLAIN_HTTP": "true",
            "ZHITONG_REQUESTS_PER_MINUTE": "100000",
        }
        needs = _prepare(given.data / "listings", home, given.users)
        with _served(given.workers) as (address, process):
            _run(given, address, process, needs)


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def _prepare(folder: Path, home: Path, users: int) -> Needs:
    """Set up as an administrator would; what is set up already stays."""
    needs: Needs = []
    is_new = not (home / "zhitong.db").exists()
    for kind in ("needs", "achievements"):
        with (folder / f"{kind}.jsonl").open(encoding="utf-8") as file:
            # One row has no name; refused rows would be written beside the file.
            rows = [line for line in file if json.loads(line)["name"].strip()]
        if kind == "needs":
            needs = [(row["id"], row["name"]) for row in map(json.loads, rows)]
        if not is_new:
            continue
        copy = home / f"{kind}.jsonl"
        home.mkdir(parents=True, exist_ok=True)
        copy.write_text("".join(rows), encoding="utf-8")
        _zhitong("import", str(copy), "--kind", kind)
    if not is_new:
        return needs
    _zhitong("index", "build")
    _zhitong("user", "create-admin", "admin", typed=PASSWORD)
    for number in range(users):
        _zhitong("user", "create", f"officer{number}", "--role", "招商干部", typed=PASSWORD)
    return needs


def _zhitong(*arguments: str, typed: str = "") -> None:
    subprocess.run(  # noqa: S603 -- our own program
        [*PROGRAM, *arguments],
        input=f"{typed}\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _served(workers: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 -- our own program
        [*PROGRAM, "serve", "--port", str(port), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _until_ready(address, process)
        yield address, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    with httpx.Client(base_url=address) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get("/readyz", timeout=60).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            threading.Event().wait(0.2)
    raise RuntimeError("the server did not get ready")


def _run(
    given: argparse.Namespace, address: str, process: subprocess.Popen[bytes], needs: Needs
) -> None:
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    users = context.Process(
        target=_crowd,
        args=(address, given.users, given.seconds, given.pause, needs, answers),
    )
    users.start()
    memory = [_memory_mib(process.pid)]
    started = time.monotonic()
    while users.is_alive():
        users.join(min(60.0, max(1.0, given.seconds / 5)))
        memory.append(_memory_mib(process.pid))
    waits, problems = answers.get()
    seconds = time.monotonic() - started
    total = sum(map(len, waits.values()))
    lines = [
        f"{__doc__}",
        f"{given.users} users, {given.workers} workers, {seconds:.0f} s, pause {given.pause} s",
        f"{total} requests, {total / seconds:.1f} a second; failed: {len(problems)}",
        *(f"   {problem}" for problem in problems[:10]),
        "page      requests    median      95 %      99 %      most  (ms)",
    ]
    for name, values in sorted(waits.items()):
        ms = np.percentile(values, [50, 95, 99, 100]) * 1000
        lines.append(f"{name:10}{len(values):8d}" + "".join(f"{one:10.0f}" for one in ms))
    lines.append("memory, MiB: " + " ".join(f"{one:.0f}" for one in memory))
    sys.stdout.write("\n".join(lines) + "\n")


def _crowd(
    address: str, users: int, seconds: float, pause: float, needs: Needs, answers: Any
) -> None:
    waits: Waits = defaultdict(list)
    problems: list[str] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(
            target=_officer, args=(address, number, until, pause, needs, waits, problems)
        )
        for number in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put((dict(waits), problems))


def _officer(
    address: str,
    number: int,
    until: float,
    pause: float,
    needs: Needs,
    waits: Waits,
    problems: list[str],
) -> None:
    chance = random.Random(SEED + number)  # noqa: S311 -- not for secrets
    rest = threading.Event()
    with httpx.Client(base_url=address, timeout=60, follow_redirects=True) as client:
        page = client.get("/login").text
        found = re.search(r'name="csrf" value="(\w+)"', page)
        form = {"csrf": found[1] if found else "", "name": f"officer{number}"}
        client.post("/login", data={**form, "password": PASSWORD})
        rest.wait(chance.random() * pause)
        while time.monotonic() < until:
            for name, path, params in (
                ("search", "/", {"q": chance.choice(needs)[1]}),
                ("need", f"/needs/{chance.choice(needs)[0]}", {}),
                ("list", "/achievements", {"offset": chance.randrange(20) * 50}),
            ):
                started = time.monotonic()
                try:
                    answer = client.get(path, params=params)
                except httpx.HTTPError as error:
                    problems.append(f"{path}: {error!r}")
                    continue
                waits[name].append(time.monotonic() - started)
                if answer.status_code != 200 or "/login" in str(answer.url):
                    problems.append(f"{path}: {answer.status_code} {answer.url}")
                rest.wait(chance.expovariate(1 / pause))


def _memory_mib(pid: int) -> float:
    """Proportional set size of a process and all below it."""
    kib = 0
    for process in [pid, *_below(pid)]:
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
        except OSError:
            continue
        kib += int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])  # type: ignore[index]
    return kib / 1024


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    found = []
    for child in map(int, children):
        found += [child, *_below(child)]
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
