"""A large csv of dirty needs through reading, cleaning, conversion and validation.

    python -m eval.bench.importing [ROWS=1000000]      (pip install polars pandas to compare)

Method: a survey sheet of needs with 9 columns and about 300 characters a row is written to a
temporary folder: own sentences drawn at random with a fixed seed, and in about one cell in ten
what such sheets are full of (HTML, literal line breaks, full-width digits, telephone numbers in
the text, dates glued to a time, ranges of money, values run together; one row in two hundred
cannot become a record). It is read in a process of its own by ``open_table`` and
``validate_rows``, that is everything an import does short of the database; printed are its rows,
failed rows, seconds, rows per second and peak resident memory, which must stay under 1 GiB (the
exit code says so). polars and pandas then read the same file in the same run, all columns as
text, into a data frame, and clean nothing.
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

from eval.bench.made_files import write_csv

SEED = 20261124
LIMIT_MIB = 1024
HEADER = [
    "需求编号", "需求名称", "需求内容", "技术指标", "企业名称", "县区", "拟投入资金", "有效期",
    "联系电话",
]  # fmt: skip
_OBJECTS = ("烧结机头烟气", "骨质瓷釉面", "球磨机衬板", "水泥熟料窑", "板栗贮藏库", "对虾养殖池",
            "焦炉上升管", "高强螺栓", "纯碱母液", "海上风机塔筒")  # fmt: skip
_PROBLEMS = ("能耗偏高", "针孔较多", "寿命不足", "波动较大", "腐蚀严重", "粉尘超标",
             "人工检测效率低", "良品率只有八成")  # fmt: skip
_SENTENCES = (
    "现有工艺已运行多年，换班之间的差异明显，希望找到可靠的控制办法。",
    "目前采用人工取样，结果要等四小时，来不及调整参数。",
    "希望在不停产的前提下完成改造，占地不超过现有厂房。",
    "公司已有中试线一条，可以提供原料、场地和检测设备。",
    "要求连续运行8000小时，故障停机不超过2次。",
    "温度控制在180℃以下，粒径<10μm，含水率低于3%。",
    "已与两家单位交流，均未解决低温活性不足的问题。",
    "产品主要销往京津地区，客户对外观一致性要求很高。",
    "希望合作方有同类项目经验，优先考虑可以驻厂的团队。",
)
_TARGETS = ("合格率达到98%以上", "能耗降低15%", "寿命延长到12个月", "检测时间小于30秒",
            "排放浓度低于10mg/m³", "精度±0.02mm")  # fmt: skip
_COUNTIES = ("迁安市", "遵化市", "滦州市", "曹妃甸区", "玉田县", "乐亭县", "丰南区", "路北区")
_MONEY = (
    "300",
    "100.0万元-200.0万元",
    "面议",
    "50-80万",
    "不低于120万元",
    "１５０万元",
    "2亿元",
    "",
)
_PERIODS = (
    "2026-01-1310:49:39.0至2027-01-1310:49:41.0", "2027-12-31", "长期有效", "2026.3.1—2027.3.1",
    "2027年6月", "",
)  # fmt: skip
_DIRT = (
    lambda text: f"<p>{text}</p>",
    lambda text: text.replace("。", "。\\n"),
    lambda text: text.replace("，", "，&nbsp;"),
    lambda text: f"{text}联系人：王工，电话1380000{len(text) % 10000:04}。",
    lambda text: text.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}),
    lambda text: f"　　{text}\r\n\r\n　　",
    lambda text: f"需求内容：{text}预期目标：{text[:20]}",
    lambda text: text + "详情请咨询 0315-28100" + f"{len(text) % 1000:03}",
)
_READERS = {
    "ours": (
        "from datetime import date\n"
        "from pathlib import Path\n"
        "from corpus.importing.loading import validate_rows\n"
        "from corpus.importing.profiles import choose_profiles\n"
        "from corpus.importing.readers import open_table\n"
        "from corpus.importing.rows import converter\n"
        "table = open_table(Path(sys.argv[1]))\n"
        "[profile] = choose_profiles(table.header)\n"
        "convert = converter(profile, date(2026, 11, 24))\n"
        "rows, duplicate, failed = validate_rows(table.rows, convert)\n"
        "note = f'{duplicate} duplicate, {failed} failed'\n"
    ),
    "polars": (
        "import polars\n"
        "rows = polars.read_csv(sys.argv[1], infer_schema=False).height\n"
        "note = 'read only'\n"
    ),
    "pandas": (
        "import pandas\n"
        "rows = len(pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False))\n"
        "note = 'read only'\n"
    ),
}
_FRAME = """
import json, resource, sys, time
started = time.perf_counter()
{body}
seconds = time.perf_counter() - started
cpu = time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([rows, note, seconds, cpu, peak]))
"""


def rows(count: int) -> Iterator[list[str]]:
    """The header and ``count`` rows, the same for the same count."""
    source = random.Random(SEED)  # noqa: S311
    yield HEADER
    for number in range(1, count + 1):
        content = "".join(source.choices(_SENTENCES, k=7))
        if source.random() < 0.5:
            content = source.choice(_DIRT)(content)
        title = f"{source.choice(_OBJECTS)}{source.choice(_PROBLEMS)}的改进{number % 997}"
        if source.random() < 0.02:
            title = f"1、{title}；2、{source.choice(_OBJECTS)}在线监测"
        if number % 200 == 0:
            title = ""
        yield [
            f"X{number:07}", title, content, "；".join(source.choices(_TARGETS, k=3)),
            f"唐山第{number % 5000}制造有限公司（示例）", source.choice(_COUNTIES),
            source.choice(_MONEY), source.choice(_PERIODS),
            f"张工 1390000{number % 10000:04}" if source.random() < 0.7 else "",
        ]  # fmt: skip


def measure(reader: str, path: Path) -> tuple[str, float]:
    """One line about one reading in a process of its own, and its peak in MiB."""
    program = _FRAME.format(body=_READERS[reader])
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    count, note, seconds, cpu, peak = json.loads(done.stdout)
    line = (
        f"{reader:7} {count:>9} rows {seconds:7.1f} s ({cpu:.1f} s of CPU) "
        f"{count / seconds:>9.0f} rows/s ({count / cpu:.0f} a CPU second)   "
        f"peak {peak / 1024:5.0f} MiB   {note}"
    )
    return line, peak / 1024


def main() -> None:
    """See the module."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        path = write_csv(Path(folder) / "x.csv", rows(count))
        characters = path.stat().st_size / count
        sys.stdout.write(
            f"{path.stat().st_size / 1024**2:.0f} MiB, {characters:.0f} bytes a row, "
            f"written in {time.perf_counter() - started:.0f} s\n"
        )
        line, peak_mib = measure("ours", path)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        for other in ("polars", "pandas"):
            if importlib.util.find_spec(other):
                sys.stdout.write(measure(other, path)[0] + "\n")
            else:
                sys.stdout.write(f"{other} is not installed: pip install {other} to compare\n")
    if peak_mib >= LIMIT_MIB:
        sys.exit(f"peak memory {peak_mib:.0f} MiB is not under {LIMIT_MIB} MiB")


if __name__ == "__main__":
    main()
