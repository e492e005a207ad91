"""Damage valid files in every way we can think of, and see what the readers do.

    python -m eval.bench.fuzz_readers [COUNT=10000] [SEED=20261124]

Method: valid xlsx, xls (where xlwt is installed), ods, docx, csv (UTF-8, GB18030, UTF-16), tsv and
jsonl files are written; each round takes one at random and damages its bytes (flipped, cut, a
piece of another file spliced in, pieces doubled or removed, signs that mean something inserted)
or, half of the time for zip-based files, a part within (damaged, emptied, exchanged with another
part, removed, its numbers made huge) and packs it again with right checksums. The file is then
opened and read to its end. Only ImportFileError, and rows with a problem, may come of it, within
20 seconds a file. Printed: what came of each kind, the slowest file, and every failure with its
round; the exit code is 1 if there is one. Rounds depend on SEED alone: a failure can be repeated.
"""

from __future__ import annotations

import importlib
import io
import random
import re
import signal
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from corpus.importing.readers import ImportFileError, open_table
from eval.bench.made_files import (
    word_cell,
    word_table,
    write_csv,
    write_docx,
    write_jsonl,
    write_ods,
    write_xlsx,
)

SECONDS_A_FILE = 20.0
_SIGNS = (
    b'"', b"\n", b"\r", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b",", b"<", b">", b"&",
    b"]]>", b"<!DOCTYPE x>", b"PK\x03\x04", b"PK\x05\x06", b"\x81", b"\xe9\x92", b"[" * 5000,
    b'"' * 50, "\u2028".encode(), b"99999999999999999999", b"-1", b"NaN", b"\\u0000", b"\\ud800",
)  # fmt: skip
_TABLE: list[list[Any]] = [
    ["编号", "需求名称", "需求内容", "拟投入资金", "有效期"],
    ["X1", "烧结烟气脱硝", "现有催化剂在 180 ℃ 以下活性不足，\n希望找到低温配方。", 120, ""],
    ["X2", "骨质瓷釉面针孔", "釉面“针孔”率约 6%；需要降到 1% 以下", 35.5, date(2027, 3, 1)],
    ["X3", "球磨机衬板", '衬板寿命短, "换一次" 停产两天', 80, date(2026, 12, 31)],
]


@dataclass(slots=True)
class Outcome:
    """What a run of rounds came to."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""


class OvertimeError(BaseException):
    """A file took too long. Not an Exception, so that no reader can take it for its own."""


def originals(folder: Path) -> dict[str, bytes]:
    """Valid files: name → content."""
    texts = [[str(cell) for cell in row] for row in _TABLE] * 3
    objects = [dict(zip(texts[0], row, strict=True)) for row in texts[1:]]
    form = [[row[0], row[1]] for row in zip(*texts[:2], strict=True)]
    merged = [word_cell("丁公司", '<w:vMerge w:val="restart"/>'), *texts[1][1:]]
    below = [word_cell("", "<w:vMerge/>"), *texts[2][1:]]
    title = [["2026年需求汇总"], [], *_TABLE]
    write_xlsx(folder / "a.xlsx", {"需求": title, "说明": [["请勿修改"]]}, [(3, 1, 4, 1)])
    write_ods(folder / "a.ods", [[str(c) if isinstance(c, date) else c for c in r] for r in _TABLE])
    write_docx(folder / "list.docx", word_table([texts[0], merged, below, *texts[1:4]]))
    write_docx(folder / "forms.docx", word_table(form), word_table(form))
    write_csv(folder / "utf8.csv", texts)
    write_csv(folder / "gb.csv", texts, "gb18030")
    write_csv(folder / "utf16.csv", texts, "utf-16")
    write_csv(folder / "a.tsv", texts, delimiter="\t")
    write_jsonl(folder / "a.jsonl", objects)
    _write_xls(folder / "a.xls")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _write_xls(path: Path) -> None:
    try:
        xlwt = importlib.import_module("xlwt")  # for tests only, and without type information
    except ImportError:
        sys.stdout.write("xlwt is not installed (pip install xlwt): no .xls among the files\n")
        return
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("需求")
    for number, row in enumerate(_TABLE):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.save(str(path))


def fuzz(count: int, seed: int, folder: Path) -> Outcome:
    """Run rounds 0 … count − 1."""
    (folder / "valid").mkdir()
    files = originals(folder / "valid")
    outcome = Outcome()
    for number in range(count):
        # A source of its own for each round, so that one round can be repeated.
        source = random.Random(f"{seed}-{number}")  # noqa: S311
        name = source.choice(sorted(files))
        path = folder / name
        path.write_bytes(damaged(source, files[name], files))
        _try(path, f"round {number} ({name})", outcome)
    return outcome


def damaged(source: random.Random, content: bytes, files: dict[str, bytes]) -> bytes:
    """The content with one to three damages."""
    for _ in range(source.randint(1, 3)):
        if content.startswith(b"PK") and source.random() < 0.6:
            content = _damaged_part(source, content)
        else:
            content = _damaged_bytes(source, content, source.choice(sorted(files.values())))
    return content


def _damaged_bytes(source: random.Random, content: bytes, other: bytes) -> bytes:
    first, last = sorted(source.randint(0, len(content)) for _ in range(2))
    begin, end = sorted(source.randint(0, len(other)) for _ in range(2))
    near = content[first : first + source.randint(1, 64)]

    def flip() -> bytes:
        changed = bytearray(content)
        for _ in range(min(source.choice([1, 1, 2, 8, 64]), len(changed))):
            changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
        return bytes(changed)

    ways: list[Callable[[], bytes]] = [
        flip,
        lambda: content[:first],
        lambda: content[first:],
        lambda: content[:first] + content[last:],
        lambda: content[:first] + near * source.choice([2, 50]) + content[first:],
        lambda: content[:first] + other[begin:end] + content[last:],
        lambda: content[:first] + source.choice(_SIGNS) + content[first:],
    ]
    return source.choice(ways)()


def _damaged_part(source: random.Random, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, KeyError, zlib.error):
        return content  # damaged before
    if not parts:
        return content
    name, other = source.choice(sorted(parts)), source.choice(sorted(parts))
    part = parts[name]
    way = source.randrange(6)
    if way == 0:
        del parts[name]
    elif way == 1:
        parts[name], parts[other] = parts[other], part
    elif way == 2:
        parts[name] = b""
    elif way == 3:
        parts[name] = _huge_numbers(source, part)
    else:
        parts[name] = _damaged_bytes(source, part, parts[other])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in parts.items():
            archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _huge_numbers(source: random.Random, part: bytes) -> bytes:
    found = list(re.finditer(rb"[A-Z]{0,2}\d+", part))
    for match in reversed(source.sample(found, min(len(found), 3))):
        new = source.choice([b"XFD1048576", b"A1048576", b"4294967295", b"-1", b"0", b"ZZZ9"])
        part = part[: match.start()] + new + part[match.end() :]
    return part


def _try(path: Path, label: str, outcome: Outcome) -> None:
    kind = path.name
    started = time.perf_counter()
    try:
        with at_most(SECONDS_A_FILE):
            problems = sum(bool(row.problem) for row in open_table(path).rows)
        outcome.counts[kind, "read with problems" if problems else "read"] += 1
    except ImportFileError as error:
        outcome.counts[kind, "refused"] += 1
        if path.name not in str(error) or not str(error).endswith("。"):
            outcome.failures.append(f"{label}: not a clear sentence: {error}")
    except (Exception, OvertimeError):
        outcome.counts[kind, "FAILED"] += 1
        outcome.failures.append(f"{label}: {traceback.format_exc()}")
    taken = time.perf_counter() - started
    if taken > outcome.slowest_s:
        outcome.slowest_s, outcome.slowest = taken, label


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """OvertimeError if the block takes longer; only in the main thread."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise OvertimeError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    """See the module."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz(count, seed, Path(folder))
    columns = ("read", "read with problems", "refused", "FAILED")
    lines = [f"{'':12}" + "".join(f"{column:>20}" for column in columns)]
    for kind in sorted({kind for kind, _ in outcome.counts}):
        lines.append(f"{kind:12}" + "".join(f"{outcome.counts[kind, c]:>20}" for c in columns))
    lines.append(
        f"{count} files (seed {seed}) in {time.perf_counter() - started:.0f} s; slowest "
        f"{outcome.slowest_s:.1f} s: {outcome.slowest}; failures: {len(outcome.failures)}"
    )
    sys.stdout.write("\n".join([*lines, *outcome.failures]) + "\n")
    sys.exit(1 if outcome.failures else 0)


if __name__ == "__main__":
    main()
