"""Whether a number is stated, planned, today's state or someone else's, by the words before it."""

from __future__ import annotations

import re
from enum import StrEnum

from corpus.sections import SectionKind
from matcher.indicators.values import Status

_WINDOW = 120  # how far back words count; keeps a text without a full stop linear


class Side(StrEnum):
    """Who speaks: the same words mean another thing in a need."""

    NEED = "需求"
    ACHIEVEMENT = "成果"


# What something is compared with is not what is said: 与传统工艺相比, 由目前的 120 降至….
_COMPARISON = re.compile(
    r"(?:与|同|和|跟)[^，。；;\n]{1,20}?(?:相比|比较|相较|对比)"
    r"|(?:相较于?|相比于?|相对于?|较|比)(?:原|传统|现有|目前|国外|国内|常规|普通|进口|同类|以往|市售|现行|现)"
    r"[^，。；;\n\d]{0,10}"
    r"|在?(?:现有|原有|目前|现)[^，。；;\n\d]{0,8}基础上"
    r"|(?:由|从|自)(?:目前|现有|原来|现在|原先|当前|原|传统)的?"
    r"|(?:原来|原先|目前|现有|传统|改造前)的(?=\d|$)"
)
_PLANS = re.compile(
    r"预期|预计|预估|力争|争取|有望|可望|望可|计划(?=将|在|使|达|到|把|降|提|实)|规划|希望|期望|下一步|下一阶段|未来"
    r"|理论上|后续|拟(?!合|南|态|真|除)|目标(?!检测|识别|跟踪|物|函数|产物|区域|市场|定位|图)|设计值|将(?=达到|提高|降低|实现)"
    r"|要使|为使|欲使|要想|为了|为达到|若(?!干)|如果|假如|倘若|一旦|假设|旨在|以期|以便|目的是|能否|是否|如何|怎样"
    r"|还需|有待|设想|仿真|模拟(?!器|量|信号)|计算(?:值|结果|表明)|设计(?=处理|产能|能力|寿命|指标)|打算|准备|待(?=进一步)"
    r"|估计|有可能|可能达到|待验证|尚待|仍需"
)
_OWN = re.compile(
    r"本(?!质|身|来)|该|我们|我方|所得|所制|新型|改造后|改进后|处理后|采用|优化后|研制|研发|开发"
)
_PRIOR = re.compile(
    r"传统|现有|国内外|国外|进口|同类|常规|普通|市售|原来|原有|对照|要求|需求|标准规定|国标|对比(?!度)|比较例|文献|报道|行业(?!领先|先进|首|内领先)|业内|市场上|竞品|原工艺|原设备"
    r"|旧|老(?=工艺|设备|生产线|窑)|此前|之前|过去|未改造|用户|客户|进口|改造前|处理前|以往|行业平均"
    r"|进水|原料|初始|解决了|克服"
)
_NOW = re.compile(
    r"目前|现有|现在|当前|现状|现阶段|原有|现为|已达|传统|国内|国外|只有|只能|仅为|仅能|仅有|高达|现行|原来|一直|已有"
    r"|长期以来|最多只|实际|存在|不足|现采用|已建成|进口|我们能|我司能|只能|才能|一般|通常"
)
_WISHES = re.compile(
    r"希望|要求|需求|需要|需(?!求)|急需|亟需|期望|目标|预期|力争|拟|指标|应(?!用|力|变)|须|使(?!用)|将|把|改进|攻关|寻求|实现"
    r"|研发|开发|研制|解决|确保|保证|控制|争取|(?<![能已经])达到|降至|降到|提高到|延长到|缩短到|提高至|以满足|想|征集|提升|降低|减少|提高|缩短|延长"
)
_FEW = re.compile(r"个别|部分(?!采用)|少数|有时|偶尔|曾|最好|有些|局部|某些")
_REFUSALS = re.compile(
    r"未能|并非|不是|不易|很难|不够|尚不|还不|不具备|无法|难以|尚未|没能|不能(?!低|高|大|小|超|少|多|短|长)"
)
_AIMS = re.compile(r"[^，。；;\n、]{0,9}?(?:目标|要求|需求|目的|方向|愿景)")
_SPEAKERS = re.compile(r"我|公司|企业|本厂|厂|集团|合作社|基地|年产|该|市场")
_OLD_SECTIONS = {SectionKind.BASIS, SectionKind.BACKGROUND}
_BESIDE = {SectionKind.APPLICATION, SectionKind.BENEFIT, SectionKind.COOPERATION}


def status(side: Side, before: str, section: SectionKind, heading: str) -> Status:
    """The status of a number by the sentence ``before`` it, its section and the heading's words."""
    words = _COMPARISON.sub(lambda match: " " * len(match[0]), before[-_WINDOW:])
    if side is Side.NEED:
        if section in _OLD_SECTIONS or section in _BESIDE:
            return Status.PRESENT
        return Status.PRESENT if _last(_NOW, words) > _last(_WISHES, words) else Status.STATED
    if section in _OLD_SECTIONS or section in (SectionKind.PROBLEM, SectionKind.BENEFIT):
        return Status.PRIOR
    if _PLANS.search(words) or _PLANS.search(heading):
        return Status.PLANNED
    if _last(_PRIOR, words) > _last(_OWN, words):
        return Status.PRIOR
    return Status.STATED


def is_wished(before: str, section: SectionKind) -> bool:
    """Whether a bare value in a need is asked for."""
    return section is SectionKind.TARGET or _last(_WISHES, before[-_WINDOW:]) >= 0


def is_report(before: str) -> bool:
    """Whether a need's sentence tells of the enterprise, not of what it looks for."""
    return _SPEAKERS.search(before[-_WINDOW:]) is not None


def is_aim(after: str) -> bool:
    """Whether the words behind a number make it an aim: 达到 1000 MPa 的目标."""
    return _AIMS.match(after) is not None


def is_of_few(clause: str) -> bool:
    """Whether an achievement's clause speaks of the best or of some pieces only."""
    return _FEW.search(clause[-_WINDOW:]) is not None


def is_refused(clause: str) -> bool:
    """Whether the clause denies what it says, in words not next to the number."""
    return _REFUSALS.search(clause[-_WINDOW:]) is not None


def _last(pattern: re.Pattern[str], text: str) -> int:
    position = -1
    for match in pattern.finditer(text):
        position = match.start()
    return position
