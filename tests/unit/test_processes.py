"""The wrong process for the same thing: own labelled pairs, and the table itself."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.model import Achievement, Need
from corpus.text import fold
from matcher.objections import Code, objections, quote
from matcher.objections.process import groups, process_finder
from matcher.objections.reading import Part, WordFinder, plain

TODAY = date(2026, 11, 25)

WRONG: list[tuple[str, ...]] = [
    ("冷轧薄板板形控制", "希望改善冷轧薄板板形。", "热轧卷板板形模型", "用于热轧卷板板形设定。"),
    ("烧结烟气治理", "要求采用干法脱硫处理烧结机烟气。", "烧结烟气湿法脱硫塔", "石灰石-石膏法。"),
    (
        "铝合金车架连接",
        "希望用搅拌摩擦焊连接铝合金型材。",
        "铝合金激光焊接头",
        "激光焊接铝合金薄板。",
    ),
    ("法兰毛坯", "寻求法兰锻造工艺。", "大型法兰砂型铸造技术", "法兰铸造后机加工。"),
    ("坐便器成形", "需要坐便器高压注浆线。", "卫生洁具等静压成形机", "洁具等静压成形。"),
    ("骨瓷烧成", "目标是骨瓷一次烧成。", "骨质瓷二次烧成窑炉", "用于骨瓷二次烧成。"),
    ("海水淡化膜法系统", "希望降低反渗透能耗。", "低温多效海水淡化装置", "采用低温多效蒸馏。"),
    ("土壤治理", "要求原位修复污染地块土壤。", "污染土壤异位热脱附成套设备", "适用于污染土壤。"),
    ("铁矿预选", "寻求干式磁选处理铁矿石。", "铁矿石湿式磁选机", "用于铁矿石湿选。"),
    ("露天矿运输", "露天矿矿卡运输希望无人化。", "井下矿山无轨运输车", "用于地下矿山运输。"),
    ("绿氢", "拟建碱性电解制氢项目。", "质子交换膜电解水制氢装置", "PEM制氢，电流密度高。"),
    ("花生油", "希望开发花生压榨工艺。", "花生油溶剂浸出技术", "采用溶剂浸出制油。"),
    ("栗树害虫", "希望用生物防治控制栗树害虫。", "板栗害虫化学农药配方", "用于板栗害虫化学防治。"),
    ("虾养殖", "寻求工厂化循环水养殖对虾技术。", "对虾池塘养殖增氧机", "用于对虾池塘养殖。"),
    ("纯碱", "氨碱法纯碱装置希望节能。", "联碱法重碱过滤机", "适用于联碱法纯碱。"),
    ("焦炉", "捣固焦焦炉装煤烟尘治理技术开发。", "顶装焦炉装煤车", "用于顶装焦炉。"),
    ("喷漆", "集装箱要求改用水性涂料。", "集装箱溶剂型防腐涂料", "溶剂型涂料，用于集装箱。"),
    ("硝化", "希望用微通道做连续硝化反应。", "间歇反应釜硝化控制", "用于间歇反应釜硝化。"),
    ("除尘", "要求锅炉烟气采用布袋除尘。", "锅炉烟气湿式除尘器", "湿式除尘，颗粒物低。"),
    ("储氢", "寻求固态储氢运输氢气。", "高压气态储氢瓶组", "采用高压气瓶运输氢气。"),
]
RIGHT: list[tuple[str, ...]] = [
    # The other process is what they have, or want to get away from.
    ("烧结烟气治理", "现为湿法脱硫，希望烧结烟气不冒白烟。", "烧结烟气半干法脱硫", ""),
    ("湿法脱硫改造", "希望用干法脱硫替代湿法脱硫处理烧结烟气。", "烧结烟气干法脱硫", ""),
    ("盘条取消酸洗", "希望取消酸洗。", "盘条机械除鳞机", "用于盘条机械除鳞。"),
    # The achievement does both, or only speaks of the other.
    ("冷轧薄板清洗", "希望清洗冷轧薄板。", "热轧与冷轧薄板清洗线", "适用于冷轧和热轧薄板。"),
    ("法兰锻造", "寻求法兰锻造工艺。", "法兰辗环技术", "与传统砂型铸造相比，法兰强度提高。"),
    ("骨瓷一次烧成", "目标是骨瓷一次烧成。", "骨瓷一次烧成釉料", "替代骨瓷二次烧成，能耗下降。"),
    # Another object.
    ("铝合金型材搅拌摩擦焊", "希望用搅拌摩擦焊连接型材。", "钢桥埋弧焊机", "用于钢桥。"),
    ("冷轧油品", "希望开发冷轧轧制油。", "热轧测温仪", "用于热轧测温。"),
    ("花生压榨饼", "希望压榨花生。", "茶籽溶剂浸出", "茶籽溶剂浸出制油。"),
    # Nothing is asked for.
    ("降低成本", "我厂有热连轧机组。", "冷轧带钢检测", "用于冷轧带钢检测。"),
    ("炉窑节能", "公司拥有隧道窑两条，生产陶瓷。", "陶瓷辊道窑余热回收", "用于陶瓷辊道窑。"),
    ("", "", "", ""),
]  # fmt: skip


def found(need: Need, offer: Achievement) -> set[Code]:
    return {o.code for o in objections(need, offer, TODAY)}


@pytest.mark.parametrize("pair", WRONG, ids=lambda pair: pair[0])
def test_the_wrong_process_is_seen_and_quoted_on_both_sides(pair: tuple[str, ...]) -> None:
    need = Need(key="N", title=pair[0], text=pair[1])
    offer = Achievement(key="A", title=pair[2], text=pair[3])
    one = next(o for o in objections(need, offer, TODAY) if o.code is Code.PROCESS)
    assert quote(need, one.need_spans[0]) in pair[0] + pair[1]
    assert quote(offer, one.achievement_spans[0]) in pair[2] + pair[3]


@pytest.mark.parametrize("pair", RIGHT, ids=lambda pair: pair[0])
def test_no_objection_to_what_may_fit(pair: tuple[str, ...]) -> None:
    need = Need(key="N", title=pair[0], text=pair[1])
    assert Code.PROCESS not in found(need, Achievement(key="A", title=pair[2], text=pair[3]))


def test_the_table_is_sound() -> None:
    assert len(groups()) >= 36
    for group in groups():
        assert len(group.sides) >= 2
        assert all(word for words in group.objects for word in words)
    seen: dict[tuple[int, str], str] = {}
    for word, uses in process_finder().words():
        assert len(word) >= 2
        assert word == fold(word).text
        for number, side in uses:
            assert seen.setdefault((number, word), side) == side, (groups()[number].name, word)


def test_a_need_never_objects_to_its_own_words() -> None:
    for title, text, *_ in WRONG:
        need = Need(key="N", title=title, text=text)
        assert Code.PROCESS not in found(need, Achievement(key="A", title=title, text=text))


@given(st.text(max_size=200))
def test_the_plain_form_has_the_same_length(text: str) -> None:
    assert len(plain(text)) == len(text)
    part = Part("text", text)
    for start in range(min(len(text), 20)):
        mention = part.mention(start, start + 1)
        assert mention.clause[mention.at] == part.text[start]
        assert mention.sentence[0] <= start <= mention.sentence[1]


@given(
    st.dictionaries(st.text("ab冷热轧", min_size=2, max_size=4), st.integers(), max_size=8),
    st.text("ab冷热轧 ", max_size=40),
)
def test_words_are_found_leftmost_and_longest(words: dict[str, int], text: str) -> None:
    expected, position = [], 0
    while position < len(text):
        for end in range(len(text), position, -1):
            word = text[position:end]
            before, after = text[position - 1 : position], text[end : end + 1]
            cut = (word[0] in "ab" and before in ("a", "b")) or (
                word[-1] in "ab" and after in ("a", "b")
            )
            if word in words and not cut:
                expected.append((position, end, words[word]))
                position = end
                break
        else:
            position += 1
    assert list(WordFinder(words).find(text)) == expected
