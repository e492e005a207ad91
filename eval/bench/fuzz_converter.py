"""Rows of the shapes that platforms and offices send, damaged, through cleaning and conversion.

    python -m eval.bench.fuzz_converter [COUNT=10000] [SEED=20261124]

Method: each round takes a row of our own text in one of four shapes (a platform's needs, a
platform's achievements, a survey sheet, a patent export), changes one to four of its cells
(signs inserted, cut, doubled, repeated up to some thousand times, exchanged with another cell's
text, replaced by a value of another type), sometimes also a column's name, and converts it with
that shape's ready profile, with and without splitting. Only RowError may come of it, with a
sentence, within 5 seconds a row; and what comes out must be what a database takes: its JSON goes
there and back, and cleaning a clean text changes nothing. The exit code is 1 on a failure.
Rounds depend on SEED alone.
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from collections import Counter
from datetime import date, datetime
from typing import Any

from corpus.cleaning.text import clean_text, clean_title
from corpus.importing.cells import raw_json
from corpus.importing.profiles import Profile, load_profile
from corpus.importing.readers import Row
from corpus.importing.rows import RowError, converter
from corpus.model import Status
from corpus.snapshot import from_json, to_json
from eval.bench.fuzz_readers import at_most

SECONDS_A_ROW = 5.0
TODAY = date(2026, 11, 24)
_TEXT = (
    "需求内容：烧结机头烟气温度低，现有催化剂活性不足。\\n预期目标：脱硝效率≥90%，氨逃逸<3ppm。"
    "现有工作基础：已建中试线一条，联系人：王工，电话0315-2810000，13800001111。"
)
SHAPES: dict[str, dict[str, Any]] = {
    "转移平台-需求": {
        "table": "need",
        "id": "N1",
        "name": "1、烧结烟气脱硝；2、氨逃逸在线监测",
        "postTime": "2020-01-13 10:49:39",
        "classification": "制造业——黑色金属冶炼和压延加工业",
        "cooperationMethod": "技术转让,合作开发",
        "context": _TEXT,
        "time": "2020-01-1310:49:39.0至2021-01-1310:49:41.0",
    },
    "转移平台-成果": {
        "table": "achievement",
        "id": "A1",
        "name": "<b>低温脱硝催化剂</b>",
        "postTime": "2020-01-13",
        "classification": "制造业——化学原料和化学制品制造业",
        "industry": "新材料-催化材料",
        "maturity": "通过中试",
        "price": "100.0万元-200.0万元",
        "cooperationMethod": "完全转让许可转让技术入股",
        "jstgfs": "推广",
        "zlxx": "ZL202010000001.2",
        "context": f"&lt;p&gt;{_TEXT}&lt;/p&gt;",
        "scope": "钢铁、焦化",
    },
    "企业技术需求调查表": {
        "需求编号": 7.0,
        "需求名称": "骨质瓷釉面针孔",
        "需求内容": _TEXT,
        "技术指标": "针孔率≤１％",
        "现有基础": "有检测设备",
        "所属领域": "新材料",
        "企业名称": "唐山某陶瓷公司（示例）",
        "县区": "路北区",
        "拟投入资金": 120.5,
        "合作方式": "联合研发、委托开发",
        "有效期": "2026年1月至2027年6月",
        "填报日期": datetime(2026, 1, 2, 8, 30),  # noqa: DTZ001
        "密级": "内部",
        "联系人": "李工",
        "联系电话": "0315-2810000转801",
        "邮箱": "li@example.com",
    },
    "专利导出": {
        "申请号": "CN202010000001.2",
        "公开号": "CN111111111A",
        "专利名称": "一种低温催化剂",
        "申请摘要": "本发明公开了一种催化剂，属于环保领域。",
        "主权项": "1.一种催化剂，其特征在于……",
        "申请人": "某大学（示例）",
        "发明人": "王某;李某",
        "主分类号": "B01J23/00",
        "法律状态": "有权",
        "申请日": 20200113,
    },
}
_SIGNS = (
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "\u200b",
    "\u3000",
    "\xa0",
    "\u2028",
    "\ufeff",
    "\ud800",
    "<",
    ">",
    "&",
    "&amp;",
    "&#x26;",
    "<p>",
    "</p",
    "<script>",
    "<!--",
    '"',
    "“",
    "\\",
    "%",
    "％",
    "１",
    "Ａ",
    "1",
    "9" * 20,
    "-",
    "—",
    "至",
    "～",
    ",",
    "，",
    "；",
    "、",
    "。",
    "/",
    "：",
    ":",
    "(",
    "（",
    "【",
    "电话",
    "联系人：",
    "邮箱",
    "@",
    "a@b.cn",
    "138",
    "13800001111",
    "0315-",
    "+86",
    "转",
    "QQ",
    "微信",
    "<contact>",
    "万元",
    "面议",
    "亿",
    "元",
    "不低于",
    "2026",
    "2026-02-30",
    "年",
    "月",
    "长期",
    "名称：",
    "需求名称：",
    "1、",
    "2、",
    "①",
    "一是",
    "需求内容：",
    "級",
    "の",
    "한",
    "🏭",
    "e\u0301",
    "٣",
    "𠮷",
)
_OTHER: tuple[Any, ...] = (
    None,
    "",
    " ",
    0,
    -1,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    45000.5,
    True,
    [],
    {},
    ["甲", None, {"乙": [1]}],
    {"k": "\ud800"},
    date(2026, 1, 2),
    datetime(1, 1, 1),  # noqa: DTZ001
)


def damaged(source: random.Random, row: dict[str, Any]) -> dict[str, Any]:
    """The row with one to four damages."""
    changed = dict(row)
    for _ in range(source.randint(1, 4)):
        name = source.choice(sorted(changed))
        if source.random() < 0.05:
            changed[_text(source, name)] = changed.pop(name)
        elif source.random() < 0.1:
            changed[name] = source.choice(_OTHER)
        else:
            other = str(changed[source.choice(sorted(changed))])
            changed[name] = _text(source, str(changed[name]), other)
    return changed


def _text(source: random.Random, text: str, other: str = "") -> str:
    first, last = sorted(source.randint(0, len(text)) for _ in range(2))
    sign = source.choice(_SIGNS)
    ways = (
        lambda: text[:first] + sign + text[first:],
        lambda: text[:first] + "".join(source.choices(_SIGNS, k=8)) + text[last:],
        lambda: text[:first] + text[last:],
        lambda: text[:first] + text[first:last] * 3 + text[last:],
        lambda: text[:first] + sign * source.choice([2, 50, 5000]) + text[first:],
        lambda: text[:first] + other + text[last:],
        lambda: (text + sign) * source.choice([2, 30]),
    )
    return source.choice(ways)()


def check(profile: Profile, cells: dict[str, Any], *, split: bool) -> str:
    """What came of one row.

    Raises:
        AssertionError: the record is not one that can be kept.
    """
    raw_json(cells)
    try:
        found = converter(profile, TODAY, split=split)(Row(1, cells))
    except RowError as error:
        if not str(error).strip():
            raise AssertionError("a refusal without a reason") from error
        return "refused"
    for one in found:
        record = one.record
        text = json.dumps(to_json(record, Status.ACTIVE), ensure_ascii=False)
        text.encode("utf-8")
        if from_json(record.kind, json.loads(text)) != (record, Status.ACTIVE):
            raise AssertionError("the record does not survive its own JSON")
        if not record.title.strip() or "\x00" in text or "\\u0000" in text:
            raise AssertionError("an empty title or a NUL")
        for value, clean in ((record.title, clean_title), (record.text, clean_text)):
            if clean(clean(value)) != clean(value):
                raise AssertionError("cleaning what is clean changes it")
    return "split" if len(found) > 1 else "converted" if found else "skipped"


def main() -> None:
    """See the module."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    profiles = {name: load_profile(name) for name in SHAPES}
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    slowest_s, slowest, started = 0.0, -1, time.perf_counter()
    for number in range(count):
        source = random.Random(f"{seed}-{number}")  # noqa: S311
        name = source.choice(sorted(SHAPES))
        cells = damaged(source, SHAPES[name])
        before = time.perf_counter()
        try:
            with at_most(SECONDS_A_ROW):
                counts[name, check(profiles[name], cells, split=source.random() < 0.5)] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            counts[name, "FAILED"] += 1
            failures.append(f"round {number} ({name}): {traceback.format_exc()}")
        if (taken := time.perf_counter() - before) > slowest_s:
            slowest_s, slowest = taken, number
    for (name, outcome), rows in sorted(counts.items()):
        sys.stdout.write(f"{name}\t{outcome}\t{rows}\n")
    sys.stdout.write(
        f"{count} rows (seed {seed}) in {time.perf_counter() - started:.0f} s; slowest "
        f"{slowest_s:.2f} s (round {slowest}); failures: {len(failures)}\n"
    )
    sys.stdout.write("\n".join(failures[:20]) + ("\n" if failures else ""))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
