"""Objections from structured fields, with what the texts say of the same matter."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from corpus.model import Achievement, Amount, Kind, Maturity, Need
from matcher.explain import Span
from matcher.objections.model import Code, EmptyField, Objection, Severity
from matcher.objections.reading import ASKED, Reading, quote, whole
from matcher.objections.words import ACCEPTS_TRIALS

MONTHS_PER_STAGE = 6
"""Months below which one stage (小试, 中试 …) is not counted as done; a cautious judgement."""

FAR_OVER = 1.5
"""A lowest price beyond so many times the highest budget is a blocker, less is a doubt."""

_STAGES = tuple(Maturity)
_MATURE = re.compile(
    r"(?<!不)(?<!未)(?:成熟(?:的)?(?:可靠)?(?:的)?(?:成套)?(?:工业化)?(?:技术|工艺|产品|装备|设备|方案|路线|成果|案例|经验)"
    r"|成套成熟工艺|可直接(?:投产|应用|上线|采购)|拿来(?:就|即)能?用|不接受(?:小试|实验室|样机|在研))"
)
_PROVEN = re.compile(
    r"(?:有|具有|具备|提供)(?:成功|同类|同行业|工业|实际|类似|大型)?(?:的)?(?:应用|工程|使用|运行)?(?:业绩|案例|实例)"
    r"|已(?:经)?(?:产业化|工业化|规模化)(?:应用|的)"
)
_NONE_YET = re.compile(r"没有|尚无|缺乏|缺少|尚未|不够|未见|国内无|无成熟")
_BY_DATE = re.compile(
    r"(20[0-9]{2})\s?年\s?(?:([0-9]{1,2})\s?月)?(?:[0-9]{1,2}日)?(?:底|末|初)?(?:以前|之前|前)"
)
_WITHIN = re.compile(
    r"(?<![近每去过来用行0-9])([0-9]{1,2}|[一二三四五六七八九十]{1,2})\s?个月(?:以内|之内|内)"
    r"(?:完成|投产|交付|解决|见效|上线|达到|实现|建成|研发|开发)"
)
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")}
_STAGE_IN_TEXT = (
    (Maturity.RESEARCH, re.compile(r"(?:处于|尚在|正在)(?:研发|研究|实验室(?:研究)?)阶段?")),
    (Maturity.LAB_SCALE, re.compile(r"(?:处于|已?完成|通过)了?(?:实验室)?小试")),
    (Maturity.PILOT_SCALE, re.compile(r"(?:处于|已?完成|通过)了?中试")),
)

_LAPSED = re.compile(r"(?<!未)(?<!没有)(?:失效|届满|终止|被宣告无效|驳回|视为撤回|放弃|未缴年费)")
_NO_RIGHTS = re.compile(
    r"^\s*(?:暂?无|没有|未申请|尚未申请|暂未申请|不涉及)(?:专利|知识产权)?\s*[。.]?\s*$"
)
_PENDING = re.compile(r"申请|受理|实审|公开|出願|출원")
_GRANTED = re.compile(
    r"授权|有效|登录|登録|등록|已获|获得|转让|(?:発明|特許|特许|특허|专利|实用新型|外观设计|软件著作权)\s?[0-9]+\s?[项件건]"
)
_NOTHING = frozenset({"-", "--", "—", "——", "/", "空", "null", "none", "nan", "n/a"})

_BUDGET_TEXT = re.compile(
    r"(?:预算|经费|总投资|拟投入|投资)[^,。;\n0-9]{0,10}([0-9]{1,7}(?:\.[0-9]{1,3})?)\s?万元?(?:以内|以下|之内)?"
)
_PRICE_TEXT = re.compile(
    r"(?:转让|许可|授权|技术)(?:费|价格|费用)[^,。;\n0-9]{0,8}([0-9]{1,7}(?:\.[0-9]{1,3})?)\s?万元?"
)

_FAMILIES = {
    "转让": "技术转让 完全转让 专利转让 成果转让 许可转让 买断",
    "许可": "技术许可 许可转让 专利许可 成果许可 独占许可 排他许可 普通许可 开放许可 "
    "独占实施许可 排他实施许可 普通实施许可 专利实施许可",
    "研发": "合作开发 委托开发 联合开发 联合研发 合作研发 委托研发 技术开发 产学研合作",
    "服务": "技术服务 技术咨询 技术培训",
    "股权": "技术入股 作价入股 作价投资 股权融资 股权合作 融资合作",
    "生产": "合作生产",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """How far an achievement is, and where that stands."""

    maturity: Maturity
    span: Span

    @property
    def missing(self) -> int:
        """Stages up to 可以量产."""
        return len(_STAGES) - 1 - _STAGES.index(self.maturity)


def stage_of(reading: Reading, achievement: Achievement) -> Stage | None:
    """From the field; without it from a plain statement in the text."""
    if achievement.maturity is not None:
        return Stage(achievement.maturity, whole(achievement, "maturity"))
    for maturity, pattern in reversed(_STAGE_IN_TEXT):
        if match := pattern.search(reading.text.text):
            return Stage(maturity, Span("text", *match.span()))
    return None


def too_early(
    need: Reading, wanted: Need, stage: Stage | None, achievement: Achievement, today: date
) -> Iterator[Objection]:
    """Less mature than the need asks for, or than its deadline allows."""
    if stage is None:
        yield Objection(
            Code.MATURITY_UNKNOWN,
            Severity.OPEN,
            "成果没有填写成熟度，看不出离用上还有多远。",
            empty=EmptyField(Kind.ACHIEVEMENT, "maturity"),
        )
        return
    words = _wanted_maturity(need)
    if words is not None:
        asked, proven = words
        low = stage.maturity.trl[1] <= Maturity.LAB_SCALE.trl[1]
        if low or (proven and stage.maturity is Maturity.PILOT_SCALE):
            yield Objection(
                Code.MATURITY,
                Severity.BLOCKER if low else Severity.DOUBT,
                f"需求要“{quote(wanted, asked)}”，"
                f"成果的成熟度是“{quote(achievement, stage.span)}”。",
                (asked,),
                (stage.span,),
            )
            return
    due = _deadline(need, wanted, today)
    if due is not None and stage.missing:
        months = (due[0].year - today.year) * 12 + due[0].month - today.month
        if months < stage.missing * MONTHS_PER_STAGE:
            left = f"还有 {months} 个月" if months > 0 else "已到期"
            yield Objection(
                Code.MATURITY,
                Severity.DOUBT,
                f"需求的期限是“{quote(wanted, due[1])}”（{left}），成果的成熟度是"
                f"“{quote(achievement, stage.span)}”，离可以量产还差 {stage.missing} 步。",
                (due[1],),
                (stage.span,),
            )
            return
    if stage.maturity in (Maturity.RESEARCH, Maturity.SAMPLE):
        yield Objection(
            Code.MATURITY,
            Severity.OPEN,
            f"成果的成熟度是“{quote(achievement, stage.span)}”，要问清企业能不能等。",
            (),
            (stage.span,),
        )


def protection(achievement: Achievement) -> Iterator[Objection]:
    """Rights that lapsed, do not exist, are not granted yet, or are not stated."""
    text = achievement.intellectual_property.strip()
    if not text or text.lower() in _NOTHING:
        yield Objection(
            Code.PROTECTION_UNKNOWN,
            Severity.OPEN,
            "成果没有填写知识产权，不知道有没有专利、归谁所有。",
            empty=EmptyField(Kind.ACHIEVEMENT, "intellectual_property"),
        )
        return
    span = whole(achievement, "intellectual_property")
    said = f"成果的知识产权一栏写着“{quote(achievement, span)}”"
    if _LAPSED.search(text):
        code, severity, meaning = Code.PROTECTION_LAPSED, Severity.DOUBT, "保护可能已经失效"
    elif _NO_RIGHTS.match(text):
        code, severity, meaning = Code.PROTECTION_NONE, Severity.DOUBT, "没有专利保护"
    elif _PENDING.search(text) and not _GRANTED.search(text):
        code, severity, meaning = Code.PROTECTION_PENDING, Severity.OPEN, "还没有写明授权"
    else:
        return
    yield Objection(code, severity, f"{said}，{meaning}。", (), (span,))


def money(
    need: Reading, wanted: Need, offer: Reading, achievement: Achievement
) -> Iterator[Objection]:
    """The lowest price beyond the highest budget; a price that nobody stated."""
    budget, price = _highest(need, wanted), _lowest(offer, achievement)
    if price is None:
        if achievement.price is None:
            yield Objection(
                Code.PRICE_UNKNOWN,
                Severity.OPEN,
                "成果没有填写价格，无法与企业的预算比较。",
                empty=EmptyField(Kind.ACHIEVEMENT, "price"),
            )
        return
    if budget is None or price[0] <= budget[0]:
        return
    far = price[0] > FAR_OVER * budget[0]
    sure = budget[1].field == "budget" and price[1].field == "price"
    yield Objection(
        Code.BUDGET,
        Severity.BLOCKER if far and sure else Severity.DOUBT,
        f"成果的价格是“{quote(achievement, price[1])}”，需求的预算是“{quote(wanted, budget[1])}”。",
        (budget[1],),
        (price[1],),
    )


def cooperation(wanted: Need, achievement: Achievement) -> Iterator[Objection]:
    """Forms of cooperation without one in common; an unknown form may be any."""
    if not wanted.cooperation:
        return
    if not achievement.cooperation:
        yield Objection(
            Code.COOPERATION_UNKNOWN,
            Severity.OPEN,
            "成果没有填写合作方式，不知道能不能按企业想要的方式合作。",
            empty=EmptyField(Kind.ACHIEVEMENT, "cooperation"),
        )
        return
    asked, offered = _families(wanted.cooperation), _families(achievement.cooperation)
    if asked is None or offered is None or asked & offered:
        return
    left, right = whole(wanted, "cooperation"), whole(achievement, "cooperation")
    yield Objection(
        Code.COOPERATION,
        Severity.DOUBT,
        f"需求希望“{quote(wanted, left)}”，成果只提供“{quote(achievement, right)}”。",
        (left,),
        (right,),
    )


def expired(wanted: Need, achievement: Achievement, today: date) -> Iterator[Objection]:
    """A validity that ended before ``today``, on either side."""
    if wanted.valid_until_on is not None and wanted.valid_until_on < today:
        span = whole(wanted, "valid_until_on")
        yield Objection(
            Code.EXPIRED,
            Severity.DOUBT,
            f"需求的有效期到 {quote(wanted, span)} 为止，已经过了。",
            (span,),
        )
    if achievement.valid_until_on is not None and achievement.valid_until_on < today:
        span = whole(achievement, "valid_until_on")
        yield Objection(
            Code.EXPIRED,
            Severity.DOUBT,
            f"成果的有效期到 {quote(achievement, span)} 为止，已经过了。",
            (),
            (span,),
        )


def _wanted_maturity(need: Reading) -> tuple[Span, bool] | None:
    """Where the need asks for something mature, and if it asks for proof."""
    for pattern, proven in ((_PROVEN, True), (_MATURE, False)):
        for part in need.parts:
            match = pattern.search(part.text)
            if match is None:
                continue
            mention = part.mention(*match.span())
            start, end = mention.sentence
            start, end = max(start, match.start() - 120), min(end, match.end() + 80)
            if (
                ASKED.search(part.text, start, end)
                and not _NONE_YET.search(mention.clause)
                and not ACCEPTS_TRIALS.search(part.text, start, end)
            ):
                return mention.span, proven
    return None


def _deadline(need: Reading, wanted: Need, today: date) -> tuple[date, Span] | None:
    """The earliest day by which the text wants it done, and where it says so."""
    found = []
    text = need.text.text
    if match := _BY_DATE.search(text):
        year, month = int(match[1]), int(match[2] or 12)
        if 1 <= month <= 12:
            day = calendar.monthrange(year, month)[1]
            found.append((date(year, month, day), Span("text", *match.span())))
    if match := _WITHIN.search(text):
        start = wanted.published_on or today
        months = start.year * 12 + start.month - 1 + _number(match[1])
        year, month = divmod(months, 12)
        day = calendar.monthrange(year, month + 1)[1]
        found.append((date(year, month + 1, day), Span("text", *match.span())))
    return min(found, key=lambda pair: pair[0], default=None)


def _number(written: str) -> int:
    if written.isdigit():
        return int(written)
    tens, _, ones = written.rpartition("十")
    if "十" not in written:
        return _DIGITS.get(written[-1], 0)
    return (_DIGITS.get(tens, 1) if tens else 1) * 10 + (_DIGITS.get(ones, 0) if ones else 0)


def _highest(need: Reading, wanted: Need) -> tuple[float, Span] | None:
    if wanted.budget is not None and wanted.budget.max_wan is not None:
        return wanted.budget.max_wan, whole(wanted, "budget")
    if wanted.budget is None and (match := _BUDGET_TEXT.search(need.text.text)):
        return float(match[1]), Span("text", *match.span())
    return None


def _lowest(offer: Reading, achievement: Achievement) -> tuple[float, Span] | None:
    price: Amount | None = achievement.price
    if price is not None and price.min_wan is not None:
        return price.min_wan, whole(achievement, "price")
    if price is None and (match := _PRICE_TEXT.search(offer.text.text)):
        return float(match[1]), Span("text", *match.span())
    return None


def _families(modes: tuple[str, ...]) -> set[str] | None:
    """Families of the modes; None if one of them is in no family (面议, 其他, anything)."""
    found: set[str] = set()
    for mode in modes:
        named = {family for family, words in _FAMILIES.items() if mode.strip() in words.split()}
        if not named:
            return None
        found |= named
    return found
