"""Cells that hold several values, maturity in its vocabularies, and two-level taxonomies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from corpus.cleaning.errors import CleaningError, quoted
from corpus.model import Maturity

COOPERATION_MODES: tuple[str, ...] = (
    "完全转让", "许可转让", "技术入股", "合作生产", "技术转让", "技术许可", "委托开发", "合作开发",
    "联合开发", "联合研发", "合作研发", "委托研发", "技术开发", "技术服务", "技术咨询", "技术培训",
    "作价入股", "作价投资", "专利转让", "专利许可", "独占许可", "排他许可", "普通许可", "开放许可",
    "独占实施许可", "排他实施许可", "普通实施许可", "专利实施许可", "共建平台", "共建研发平台",
    "共建研发机构", "共建实验室", "产学研合作", "股权融资", "股权合作", "融资合作", "人才引进",
    "自主转化", "自行实施", "合作转化", "引进技术", "引进设备", "成果转让", "成果许可", "面议",
    "其他", "其它", "不限",
)  # fmt: skip
"""Modes of cooperation that platforms and survey sheets offer."""

INDUSTRY_SECTIONS: tuple[str, ...] = (
    "农、林、牧、渔业", "采矿业", "制造业", "电力、热力、燃气及水生产和供应业",
    "电力、热力、燃气、及水生产和供应业", "建筑业", "批发和零售业", "交通运输、仓储和邮政业",
    "住宿和餐饮业", "信息传输、软件和信息技术服务业", "金融业", "房地产业", "租赁和商务服务业",
    "科学研究和技术服务业", "水利、环境和公共设施管理业", "居民服务、修理和其他服务业", "教育",
    "卫生和社会工作", "文化、体育和娱乐业", "公共管理、社会保障和社会组织", "国际组织",
)  # fmt: skip
"""Sections 门类 of GB/T 4754, and the spelling that transfer platforms use beside one."""

_SEPARATORS = ",，、;；|｜/\n\r\t"
_MAX_SEGMENTED = 2000

# Words of transfer platforms, of the registration sheet for achievements (基础研究 … 产业化; 初期,
# 中期, 成熟应用阶段) and of survey sheets. A trailing 阶段 is dropped before the look-up.
_MATURITY = {
    Maturity.RESEARCH: "正在研发 在研 研发 研发中 研究 研制 研究开发 基础研究 应用研究 理论研究"
    " 实验室 实验室研究 实验室成果 概念 概念验证 构思 初期",
    Maturity.SAMPLE: "已有样品 有样品 样品 样机 有样机 已有样机 原型 原型机 原理样机 工程样机",
    Maturity.LAB_SCALE: "通过小试 小试 小试完成 完成小试 实验 小批量试制 试制",
    Maturity.PILOT_SCALE: "通过中试 中试 中试完成 完成中试 中期 试生产 小批量 小批量生产 工业性试验"
    " 试用 示范 示范应用 应用示范",
    Maturity.MASS_PRODUCTION: "可以量产 可量产 量产 批量生产 规模生产 规模化生产 大批量生产 批量"
    " 产业化 可产业化 产业化应用 工业化 工业化生产 成熟 成熟应用 稳定应用 推广应用 应用 后期",
}
_BY_WORD = {word: level for level, words in _MATURITY.items() for word in words.split()}
_TRL = re.compile(
    r"(?:trl|技术就绪度|技术就绪水平|技术成熟度|成熟度|就绪度)(?:等级)?[:-]?第?(?P<named>[1-9一二三四五六七八九])级?"
    r"|第?(?P<level>[1-9一二三四五六七八九])级"
)
_CHINESE_DIGITS = "一二三四五六七八九"
_NOTHING = frozenset(
    {"", "-", "--", "—", "——", "/", "无", "暂无", "空", "null", "none", "nan", "n/a"}
)
_LEVEL_SIGN = re.compile(r"\s*(?:——|—|--|–|->|→|＞|>|/|\\|-|－)\s*")


def split_values(value: str, known: Sequence[str] = COOPERATION_MODES) -> tuple[str, ...]:
    """The single values of a cell, each once, in the order written.

    A cell that consists of ``known`` values is cut into them even where nothing stands between
    them or a value holds a separator itself; otherwise it is cut at ``,，、;；|/`` and line breaks.
    What ``known`` does not cover wholly stays one value.
    """
    text = unicodedata.normalize("NFC", value).strip()
    whole = _segmented(text, known)
    if whole is None:
        pieces = re.split(f"[{re.escape(_SEPARATORS)}]", text)
        whole = [
            v for p in pieces if p.strip() for v in _segmented(p.strip(), known) or [p.strip()]
        ]
    return tuple(dict.fromkeys(whole))


def parse_maturity(value: str) -> Maturity | None:
    """The maturity level; ``None`` for an empty cell. TRL numbers go by ``Maturity.trl``.

    Raises ``CleaningError``, which names the usable words, for an unknown one.
    """
    text = "".join(unicodedata.normalize("NFKC", value[:60]).lower().split())
    if text in _NOTHING:
        return None
    text = re.sub(r"\([^()]*\)", "", text) or text
    found = _TRL.fullmatch(text)
    if found:
        digit = found["named"] or found["level"]
        level = int(digit) if digit.isdigit() else _CHINESE_DIGITS.index(digit) + 1
        return next(m for m in Maturity if m.trl[0] <= level <= m.trl[1])
    word = text.removesuffix("阶段").removeprefix("处于")
    for known in (word, word.removeprefix("已")):
        if known in _BY_WORD:
            return _BY_WORD[known]
    usable = "、".join(Maturity)
    raise CleaningError(f"成熟度{quoted(value)}无法识别，请用：{usable}，或 TRL 1–9")


def split_taxonomy(value: str) -> tuple[str, str]:
    """First and second level of 行业门类——大类 or 一级-二级技术领域; empty where there is none."""
    first, *rest = _LEVEL_SIGN.split(" ".join(value.split())[:200], maxsplit=1)
    return first.strip(), rest[0].strip() if rest else ""


def _segmented(text: str, known: Sequence[str]) -> list[str] | None:
    """``text`` as fewest known values, separators between them allowed; else ``None``."""
    if not text or len(text) > _MAX_SEGMENTED:
        return None
    best: list[list[str] | None] = [None] * (len(text) + 1)
    best[0] = []
    for start in range(len(text)):
        reached = best[start]
        if reached is None:
            continue
        if text[start] in _SEPARATORS or text[start].isspace():
            _offer(best, start + 1, reached)
        for word in known:
            if word and text.startswith(word, start):
                _offer(best, start + len(word), [*reached, word])
    return best[-1]


def _offer(best: list[list[str] | None], end: int, values: list[str]) -> None:
    current = best[end]
    if current is None or len(values) < len(current):
        best[end] = values
