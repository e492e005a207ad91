"""Read a million rows of each streamed format; rows per second and peak memory.

    python -m eval.bench.readers [ROWS=1000000]        (pip install polars pandas to compare)

Method: the same table (编号, title, about 90 characters of text, company, county, amount; words
drawn at random with a fixed seed) is written as csv, jsonl and xlsx (of shorter cells, constant
memory) to a temporary folder. Each reading runs in a process of its own, which reads every row,
adds up the lengths of all texts and prints its rows, seconds and peak resident memory (Linux), that
of the process that unpacks a workbook beside it (both live at once, so the two add up). polars and
pandas read the same csv to a data frame, all columns as text, in the same run; they hold the whole
table, the readers one row.
"""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from eval.bench.made_files import write_csv, write_jsonl, write_xlsx

SEED = 20261124
HEADER = ["编号", "需求名称", "需求内容", "企业名称", "县区", "拟投入资金"]
_WORDS = [
    "烧结", "烟气", "脱硝", "低温", "催化剂", "骨质瓷", "釉面", "针孔", "合格率", "球磨机", "衬板",
    "寿命", "磨损", "余热", "回收", "现有", "工艺", "希望", "降低", "能耗", "达到", "国内",
    "先进", "水平", "检测", "在线", "控制", "海水", "养殖", "水质", "传感器", "板栗", "贮藏",
    "保鲜", "水泥", "熟料", "替代", "燃料",
]  # fmt: skip
_COUNTIES = ("迁安市", "遵化市", "滦州市", "曹妃甸区", "玉田县", "乐亭县")
_READERS = {
    "ours": (
        "from corpus.importing.readers import open_table\n"
        "rows = length = 0\n"
        "for row in open_table(Path(sys.argv[1])).rows:\n"
        "    assert not row.problem\n"
        "    rows += 1\n"
        "    length += sum(len(c) for c in row.cells.values() if isinstance(c, str))\n"
    ),
    "polars": (
        "import polars\n"
        "table = polars.read_csv(sys.argv[1], infer_schema=False)\n"
        "rows = table.height\n"
        "length = sum(table[c].str.len_chars().sum() for c in table.columns)\n"
    ),
    "pandas": (
        "import pandas\n"
        "table = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)\n"
        "rows = len(table)\n"
        "length = int(sum(table[c].str.len().sum() for c in table.columns))\n"
    ),
}
_FRAME = """
import json, re, resource, sys, time
from pathlib import Path
started = time.perf_counter()
{body}
seconds = time.perf_counter() - started
# Not ru_maxrss: of a started process it includes what the starting one had reached.
own = int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([rows, length, seconds, own, child]))
"""


def table(count: int, words: int) -> Iterator[list[str]]:
    """A header and ``count`` rows, their text of so many words."""
    source = random.Random(SEED)  # noqa: S311
    yield HEADER
    for number in range(1, count + 1):
        drawn = source.choices(_WORDS, k=words + 3)
        yield [
            f"X{number:07}",
            "".join(drawn[:3]),
            "，".join(drawn[3:]) + "。",
            f"第{number % 5000}公司（示例）",
            _COUNTIES[number % len(_COUNTIES)],
            str(number % 500),
        ]


def write_files(folder: Path, count: int) -> dict[str, Path]:
    """The files to read, by format."""
    rows = table(count, 30)
    header = next(rows)
    objects = (dict(zip(header, row, strict=True)) for row in rows)
    return {
        "csv": write_csv(folder / "x.csv", table(count, 30)),
        "jsonl": write_jsonl(folder / "x.jsonl", objects),
        "xlsx": write_xlsx(folder / "x.xlsx", {"需求": table(min(count, 1_048_575), 4)}, lean=True),
    }


def measure(reader: str, path: Path) -> str:
    """One line about one reading in a process of its own."""
    program = _FRAME.format(body=_READERS[reader])
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    rows, length, seconds, own, child = json.loads(done.stdout)
    return (
        f"{path.suffix[1:]:6} {reader:7} {path.stat().st_size / 1024**2:6.0f} MiB {rows:>9} rows "
        f"{seconds:6.1f} s {rows / seconds:>9.0f} rows/s   peak {own / 1024:5.0f} MiB"
        + (f" + {child / 1024:5.0f} MiB" if path.suffix == ".xlsx" else "")
        + f"   ({length} characters)"
    )


def main() -> None:
    """See the module."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        files = write_files(Path(folder), count)
        sys.stdout.write(f"files written in {time.perf_counter() - started:.0f} s\n")
        for path in files.values():
            sys.stdout.write(measure("ours", path) + "\n")
            sys.stdout.flush()
        for other in ("polars", "pandas"):
            if importlib.util.find_spec(other):
                sys.stdout.write(measure(other, files["csv"]) + "\n")
            else:
                sys.stdout.write(f"{other} is not installed: pip install {other} to compare\n")


if __name__ == "__main__":
    main()
