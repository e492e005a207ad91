"""Words and numbers that say something about a need. All patterns match folded text.

Every pattern is linear on any input: repetitions are bounded and numbers cannot start inside a
number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib import resources

from corpus.text import fold

_NUMBER = r"(?<![0-9.])[0-9]{1,12}(?:[.,][0-9]{1,6})?"
_PLAIN = r"[0-9]{1,12}(?:[.,][0-9]{1,6})?"
_JOINT = r"(?:[-–—~至到×x±]|\+/-)"
_LATIN = (
    "kw·h kwh mwh gwh mah wh ah kj mj kcal kpa mpa gpa hpa pa mbar bar n/mm2 knm nm3 n·m mm3 mm2 "
    "mm cm3 cm2 cm dm m2 m3 km2 km nm μm um mu hm2 ml μl dl kg mg μg ug ng ppm ppb khz mhz ghz hz "
    "kva kvar mva kv mv kw mw gw ma μa db dba rpm r/min kn min hrc hra hv hb hbw dtex tex cfu iu "
    "fps dpi kbps mbps gbps bit gb mb tb mol mmol teu lm lx cd cp mpa·s cst ω kω m g l w v a h s t "
    "k n j"
)
_TECHNICAL = (
    "百分点 平方米 立方米 毫米 厘米 微米 纳米 毫升 毫克 微克 千瓦时 千瓦 兆瓦 兆帕 千帕 摄氏度 目 "
    "倍 成以上 分贝 赫兹 瓦 伏 安 度 级 转"
)
_COUNTED = (
    "亿元 万元 元 亿吨 万吨 吨 公斤 千克 克 公里 千米 米 升 个月 月 周 天 日 小时 分钟 秒 年 "
    "公顷 万亩 亩 台 套 条 座 人 头 只 株 件 炉 次 批 桶 方 柜 块 片 根 万立方 标箱 自然箱 吨级"
)


def _any(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


_TECHNICAL_UNIT = rf"(?:%|‰|°c|°|(?:{_any(_LATIN)})(?![a-z])|(?:{_any(_TECHNICAL)}))"
_COUNTED_UNIT = rf"(?:{_any(_COUNTED)})"
_PER = r"(?:/\(?[a-zμ°·0-9\u4e00-\u9fff]{1,4}\)?)?"
_RANGE = rf"\s{{0,2}}(?:{_JOINT}\s{{0,2}}{_PLAIN}\s{{0,2}})?"

# A bare 5g is a network.
TECHNICAL_MEASURE = re.compile(
    rf"(?!(?<![0-9.])[3-6]g(?![a-z0-9]))(?:{_NUMBER}{_RANGE}{_TECHNICAL_UNIT}{_PER}"
    rf"|(?<![a-z])(?:hrc|hra|hv|hb|ip|φ|ph|cod|bod|ra)(?:值|[为达:≤≥<>])?\s{{0,2}}{_PLAIN}"
    rf"|[一二两三四五六七八九十百几]{{1,3}}(?:倍|成)|翻番|翻倍|减半|一半以上)"
)
"""A number with a technical unit, 3倍, hrc 55, 0.5±0.02 mm, 10–20 μm."""

COUNTED_MEASURE = re.compile(
    rf"(?:{_NUMBER}{_RANGE}|(?<![一二两三四五六七八九十])[一二两三四五六七八九十半]{{1,3}})"
    rf"{_COUNTED_UNIT}{_PER}"
)
"""A number of things, money or time: 20人, 45万吨, 380元/吨, 三个月."""

COMPARISON = re.compile(
    r"[≥≤<>≧≦⩾⩽±]|不(?:低|高|少|大|小|超|多|长|短)(?:于|过|出)?|不得(?:低|高|超)|"
    r"(?:大|小|高|低|优|超|少|多|好)于|超过|达到?|以上|以下|以内|之内|控制在|降[低到至]|下降|"
    r"减少|减小|提[高升]到?|增[加大]|延长|缩短|升[到至]|精度|误差|偏差|公差|范围|至少|最[大小高低]|每小时"
)
"""Words that make a number a target."""

GOAL = re.compile(
    r"要求|目标|指标|期望|希望|寻求|力争|[需须应]|想要?|求助|使(?!用)|如能|参数|拟|争取|求购|征集|最好"
)

_PRESENT_WORDS = (
    r"目前|现有|现在|现用|现行|当前|已有|现为|现状|每年|年产|去年|今年|前年|近[一二两三0-9]|曾|原有|"
    r"原来|仅有"
)
PRESENT = re.compile(rf"(?<![比较于出为])(?:{_PRESENT_WORDS})")
"""Words of the present state, but not of a comparison with it (比现在低)."""

PROBLEM = re.compile(
    r"存在.{0,30}(?:问题|缺陷|不足|隐患|困难|缺点|弊端|风险)|(?:问题|难题|难点|痛点|瓶颈|短板|弊端|"
    r"困难|缺点)(?:是|为|在于|:)|(?:难题|难点|痛点|瓶颈)$|(?:解决|克服|攻克|针对|改善).{0,30}(?:问题|难题|缺陷|难点|瓶颈|缺点|"
    r"不足|现象)|(?<!不)(?<!不容)[容极]?易(?:于)?(?:开裂|断|磨|堵|结|腐|脱|变|老化|损|氧化|失效|掉|漏|泄|粘|坏|生锈|锈|沉|"
    r"分层|受|产生|出现|造成|发生|导致|引起|起|碎|裂|崩|爆|燃)|解决.{1,30}(?:产生|出现|引起|造成|导致)|(?:造成|导致|引起).{0,30}(?:污染|困难|浸渗|下降|损坏|变形|失效|浪费|超标|"
    r"波动|不)|受.{1,30}(?:限制|影响|制约)|耗费大量|频繁|难以|难于|很难|较难|困难|无法|不能|不足|不够|"
    r"不稳|不均|不达标|不合格|不一致|不匀|不准|不及时|不便|不好|不敢|不接受|达不到|满足不了|超标|偏[高低大小差]|"
    r"(?<![通超经])过[高低大小慢快]|太[高低大小慢快差]|较[差低]|[很更]差|(?:成本|能耗|电耗|费用|损耗|噪[声音]|投资|故障率|废品率|"
    r"污染|价格)(?:很|较|太|极|居)?(?:高(?![效性])|大)|(?:效率|寿命|产率|收率|精度|强度|纯度|"
    r"附加值|利用率|回收率|质量|性能|稳定性|可靠性|水平)(?:很|较|太|低|不|极|偏)?(?:低|短|差|不高|下降)|浪费|严重|"
    r"赔付|损失|停产|停机|崩刃|拉毛|拉伤|(?<![不防抗])(?<!不易)(?:开裂|龟裂|脱落)|卡脖子|缺乏|缺少|依赖进口|依靠人工|靠人工|全靠|受限|制约|"
    r"亟[待需]|投诉|退货|扣款|约谈|事故|隐患|缺陷|堵塞|结垢|板痕|短缺|只能|流失|失控|堵得|闲置|"
    r"影响.{0,12}(?:质量|使用|寿命|生产|效率|稳定|美观|安全|性能|产量|精度|效果|体验)"
)
"""Words of a state that somebody suffers from. Bare nouns such as 腐蚀 do not count."""

_EQUIPMENT = (
    r"生产线|产线|设备|装置|实验室|团队|技术人员|工程师|厂房|基地|专利|样品|样机|产能|条件|系统|平台|数据|"
    r"[机炉窑线台套条座釜站井亩人名项车船库间池塔床吨方]"
)
_FIRM = r"(?:我司|我公司|我厂|我港|我们|本公司|本厂|本企业|公司|企业|集团|合作社|园区)"
BASE = re.compile(
    rf"(?:现有|已有|现配|已建成?|已具备|^具备|拥有|配有|配备|建有|可提供|已配|现用|在用|可开放|^有)"
    rf"[^,。;!?\n]{{0,16}}(?:{_EQUIPMENT})"
    r"|(?:目前|当前|现阶段|现在|现|正在)(?:主要|一直|均|都|大多|全部)?(?:是|为|由)?"
    r"(?:采用|使用|用|以|靠|依靠|按|引进|生产|进口|外购|处于)"
    r"|年(?:产|处理|吞吐|加工|销售|产生|产销|消耗|出栏)[量能值]?[^,。;!?\n]{0,6}[0-9]|日产[^,。;\n]{0,6}[0-9]"
    rf"|{_FIRM}(?:目前|现|已|主要|是一家|主营|年产|生产|承接|下属|有|拥有|自主|产品|成立|经营|专业|从事|在)"
    r"|(?:前期(?!倾向|拟|计划|可)|此前|之前|曾|以往)[^,。;!?\n]{0,12}(?:做|试|用|买|委托|研|开发|采用|开展|完成|引进)"
    r"|已(?:经)?(?:开展|完成|进行|研制|研发|开发|试验|委托|试|投入|形成|实现|掌握|获|通过|取得|成功|能)"
    r"|(?:目前|当前|现在|现)(?:公司|我司|我公司|我厂|本厂|企业)|试过|做过|技术人员[0-9]|(?:产量|产能|产值|规模)(?:约|为|达|到|在|大约){0,3}[0-9]"
)
"""What the enterprise has, uses or has tried."""

GENERAL_STATE = re.compile(
    r"(?<!公司)(?<!我司)(?<!我厂)(?<!企业)现有的|现有(?:的)?(?:技术|[^,。;\n]{0,12}(?:市场|国内|大多|大都|一般|通常|普遍))|(?:目前|当前|现在)"
    r"(?:的)?(?:国内|国际|市场|市面|行业|我国|世界|全球|社会|主流)"
)
"""The state of the art, which is not the base of this enterprise."""

BUDGET = re.compile(
    rf"(?<![已年])(?:预算|经费|资金|拟投|投入|投资|出资|出价|费用|报价|研发费|愿付)[^,。;!?\n]{{0,16}}?{_PLAIN}\s{{0,2}}"
    rf"(?:[-–—~至到]\s{{0,2}}{_PLAIN}\s{{0,2}})?(?:多|余|几)?(?:百|千)?(?:万|亿)(?:人民币|美元|元)?"
    rf"|{_NUMBER}\s{{0,2}}(?:万|亿)元?[^,。;!?\n]{{0,6}}(?:预算|经费|的?投[资入])"
)
"""Money that is to be spent on the solution; costs of a product do not count."""

_TIME = r"(?:[0-9]{1,3}|[一二两三四五六七八九十半]{1,3})\s{0,2}个?(?:月|年|周|天|季度)"
DEADLINE = re.compile(
    rf"(?<![近每去过来用行]){_TIME}(?:以内|之内|内)(?:完成|投产|交付|解决|见效|上线|达到|实现|建成|研发|开发|出|拿)"
    rf"|(?:工期|周期|期限|时限|完成时间|交付期?|研发时间|项目周期)[^,。;!?\n]{{0,8}}{_TIME}"
    r"|20[0-9]{2}\s{0,2}[年./-]\s{0,2}(?:[0-9]{1,2}\s{0,2}月?(?:[0-9]{1,2}日)?)?(?:底|末|初)?"
    r"(?:以前|之前|前)|[今明]年(?:[0-9]{1,2}月)?(?:底|末|内|年底)?(?:之?前|完成|投产|上线)|年底前|有效期至"
    r"|(?:截止|截至)[^,。;\n]{0,6}20[0-9]{2}"
)
"""When it has to be done; a lifetime or a period of the past does not count."""

COOPERATION = re.compile(
    r"(?:委托|合作|联合|共同|协同)(?:开发|研发|研究|攻关|研制)|技术(?:转让|许可|入股|服务|咨询|合作|引进)|"
    r"(?:购买|引进|受让|买断)[^,。;!?\n]{0,6}(?:技术|专利|设备|成果|路线|装备|生产线)|产学研|校企合作|"
    r"共建|专利(?:转让|许可)|许可使用|聘请专家|专家指导|合作生产|作价入股"
)

EMPTY = re.compile(
    r"(?:提高|提升|改善|增强|优化|加强)(?:了)?(?:生产|工作|产品|整体|综合|企业|经济|管理)?"
    r"(?:效率|效益|质量|品质|水平|性能|竞争力|能力|附加值|工艺|技术)|(?:降低|减少)(?:生产|企业)?(?:成本|能耗|消耗)|"
    r"(?:国内|国际|行业|世界)?(?:领先|先进)(?:水平|技术)?|相关|有关|新技术|新型|新工艺|高性能|高质量|高效|高端|"
    r"智能化|自动化|数字化|信息化|现代化|绿色|环保型?|升级|改造|改进|完善|创新|核心|可持续发展|转型|节能降耗|节能减排|"
    r"降本增效|提质增效|成熟|等方面|一系列|一定|合适|较好|良好|若干|全面|整体|进一步|助力|推动|促进|加强|推进|发展|"
    r"解决方案|技术需求|需求|技术支持|技术难题|关键技术|研发|开发|研究|应用|方面|更好|更加|不断|有效|综合利用|寻求|希望|"
    r"项目|技术"
)
"""Words that could stand in any need."""

_GENERIC = re.compile(
    r"生产|工艺|企业|公司|我司|我们的?|本厂|服务|管理|制造|加工|工程|各类|一种|智能|自动|新材料|设计|制备|方法|质量|"
    r"性能|问题|难题|瓶颈|如何|传统|现有|国产|进口|使用|采用|可?用于|基础|解决|遇到|实现|提[高升]|降低|减少|增加|延长|改善|攻关|合作|引进|"
    r"咨询|指导|培训|人才|存在|进行|专用|专业|设备$|系统$|平台$|材料$|产品$|[的及和与等对在用了为中将把以从之]"
)
# A title without a term of the dictionary still names something if this much is left of it.
_LEFT = re.compile(r"[\u3400-\u9fffa-z0-9]{3,40}")
# In the dictionary, but they say nothing about what is to be worked on.
_BUZZ = (
    "智能制造 智能工厂 智能化 数字化转型 人工智能 大数据 云计算 物联网 工业互联网 区块链 绿色制造 "
    "绿色工厂 节能减排 节能降耗 碳减排 工业节能 节能改造 智慧城市 智慧园区 数字化车间 数据采集 "
    "中试 大数据平台 工业软件 数据中台 远程监控"
)


@functools.cache
def _terms() -> tuple[frozenset[str], frozenset[str], int]:
    """Terms, those that can name an object, and the longest length, in folded form."""
    every, objects, buzz = set(), set(), set(_BUZZ.split())
    text = resources.files("corpus.resources").joinpath("terms.tsv").read_text("utf-8")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        written, domain = line.split("\t")
        term = fold(written).text
        if term in buzz:
            continue
        every.add(term)
        if domain != "通用":
            objects.add(term)
    return frozenset(every), frozenset(objects), max(map(len, every))


def terms(folded: str) -> Iterator[tuple[int, int, bool]]:
    """Spans of dictionary terms, longest first and without overlaps, and if it is an object.

    A term that only describes (防腐, 节电; domain 通用) is none.
    """
    every, objects, longest = _terms()
    position = 0
    while position < len(folded):
        for length in range(min(longest, len(folded) - position), 1, -1):
            word = folded[position : position + length]
            if word in every:
                yield position, position + length, word in objects
                position += length
                break
        else:
            position += 1


def thing(folded: str) -> tuple[int, int] | None:
    """The longest span, of three characters at least, without words that fit any need."""
    blanked = _GENERIC.sub(_blank, EMPTY.sub(_blank, folded))
    return max(
        (match.span() for match in _LEFT.finditer(blanked)),
        key=lambda span: span[1] - span[0],
        default=None,
    )


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
