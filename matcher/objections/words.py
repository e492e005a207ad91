"""Words that turn a mention into an offer, a wish, a rejection or a remark. All match plain text.

Every pattern is linear on any input: nothing is repeated without a bound, and they are only used
on clauses of a bounded length (``reading.Mention``).
"""

from __future__ import annotations

import functools
import re
from importlib import resources

from corpus.text import fold
from matcher.objections.reading import WordFinder

NOW = re.compile(
    r"目前|现有|现在|现用|现行|现为|现以|现靠|现采|当前|已有|原有|原来|一直|在用|为主|去年|今年|近年|此前|曾|试过|用过"
    r"|做过|拥有|配有|建有|具备|年产|我厂|我司|公司(?:有|是|以|主要)"
)
"""Words of the present state, which the enterprise may well want to leave."""

NOT_WANTED = re.compile(
    r"替代|代替|取代|取消|淘汰|免(?!费)|不用|不采用|不接受|不考虑|不做|不要|不是|不想|不允许|不得|不能|禁用|禁止|避免|摆脱|"
    r"无需|不需|而非|之外|除外|另有安排"
)
"""Words of a clause that names a process in order to get away from it."""

TROUBLE = re.compile(r"问题|易|难|缺陷|事故|污染|压力大|成本高|减少|降低|废|隐患|改造|升级|改进")
"""Words of a clause in which a process may be named only because it makes trouble."""

REFUSED = re.compile(
    r"(?:不考虑|不接受|不采用|不做|不是做|不要|不想用|不允许(?:添加|使用|加|用)?|不得(?:使用|添加|采用)|禁止(?:使用|添加)|"
    r"禁用|不含|不(?:新增|添加)(?!能耗|投资|设备|人员))"
)
"""What follows is refused by the need."""

NOT_OURS = re.compile(
    r"替代|代替|取代|取消|淘汰|省去|免去|免除|摆脱|克服|避免|无需|无须|不需|不用|不必|不经|而非|并非|不是|不采用|不含|不适|"
    r"不能|不同于|区别于|相比|相较|对比|优于|传统|现有|以往|常规|原有|目前|通常|普通|问题|缺点|不足|难以|困难|后续|之前|"
    r"防止|由于|费用高|投资大|成本高|进入|"
    r"(?<!相)[较比与][^,。;]{1,12}[低高少多快省降节提短长小大]"
)
"""Words of a clause in which an achievement speaks of other processes than its own."""

OFFERING = re.compile(
    r"采用|利用|通过|使用|基于|研制|研发|开发|选用|针对|面向|适用|用于|应用于|经过?|以|由|将|配合|配套|实现|形成|提出|耦合|制备|生产线"
)
"""Words of a clause in which an achievement says what it does or for what it is."""

UNSUITED = re.compile(
    r"(?:不适用于|不适合于?|不适宜|不能用于|不可用于|不宜用于|不用于|不处理|不回收|不解决|不涉及|不包括|不包含)"
)
"""What follows is out of an achievement's reach, in its own words."""

ACCEPTS_TRIALS = re.compile(
    r"(?:愿意?|接受|可以?)(?:共同|一起|承担|参与|配合|先做|先行)?[^,。;]{0,6}(?:试验|中试|攻关|研发|研制|验证)"
)
"""The enterprise would go along with something unfinished."""

_GENERIC_WORDS = (
    "技术 工艺 设备 系统 装置 材料 产品 生产 企业 应用 项目 研究 方法 工件 处理 使用 添加 影响 "
    "要求 方案 加工 质量 检测 回收 利用 成本 能耗 设计 控制 数据 平台 污染 环境 温度 压力 效率"
)
_GENERIC = frozenset(_GENERIC_WORDS.split())


@functools.cache
def object_finder() -> WordFinder[str]:
    """The terms of the dictionary that can name an object."""
    words: dict[str, str] = {}
    text = resources.files("corpus.resources").joinpath("terms.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            written, domain = line.split("\t")
            term = fold(written).text
            if domain != "通用" and len(term) > 1 and term not in _GENERIC:
                words[term] = term
    return WordFinder(words)


def common_word(phrase: str, other: str, known: WordFinder[str]) -> tuple[int, int] | None:
    """Place in ``phrase`` of the longest known word that stands in ``other`` too."""
    found = [(s, e) for s, e, word in known.find(phrase) if word in other]
    return max(found, key=lambda place: (place[1] - place[0], -place[0]), default=None)
