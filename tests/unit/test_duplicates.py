"""Near duplicates: what is found, what must not be, the reasons, the groups."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.duplicates.candidates import FULL_BUCKET, NEIGHBOURS, candidate_pairs, signatures
from corpus.duplicates.compare import difference
from corpus.duplicates.detect import (
    Document,
    DuplicateConfig,
    DuplicatePair,
    find_duplicates,
    find_new_duplicates,
)
from corpus.duplicates.groups import group_duplicates
from corpus.duplicates.profile import COMPARED, plain, profile, shingle_hashes
from corpus.model import CorpusError
from eval.bench.duplicates import SAMPLE, plant_half, read
from eval.bench.planting import COPIES
from indexer.similarity import encoder_similarity
from indexer.testing import FakeEncoder

TITLE = "冬小麦节水灌溉墒情监测装置"
TEXT = (
    "本装置面向冬小麦主产区的井灌农田，每亩布设两个土壤墒情探头。探头埋深20厘米，每小时上传一次数据。"
    "后台根据冬小麦的生育期给出灌溉建议，平均节水18%。装置由太阳能供电，连续阴雨15天仍能工作。"
    "已在三个乡镇试用两年，农户反映安装方便、维护量小。"
)
SENTENCES = [f"{piece}。" for piece in TEXT.split("。") if piece]
TRADITIONAL = (
    "本裝置面向冬小麥主產區的井灌農田，每畝佈設兩個土壤墒情探頭。探頭埋深20釐米，每小時上傳一次數據。"
    "後臺根據冬小麥的生育期給出灌溉建議，平均節水18%。裝置由太陽能供電，連續陰雨15天仍能工作。"
    "已在三個鄉鎮試用兩年，農戶反映安裝方便、維護量小。"
)


def _one(title: str, text: str) -> DuplicatePair | None:
    """The pair of the document above with another one, if it is found."""
    found = find_duplicates([Document(1, TITLE, TEXT), Document(2, title, text)])
    return found[0] if found else None


@pytest.mark.parametrize(
    ("title", "text", "reason"),
    [
        (TITLE, TEXT, "名称和正文完全相同"),
        (f" {TITLE}。", TEXT.replace("，", ", "), "只有标点、空格、序号、大小写或全半角不同"),
        ("冬小麥節水灌溉墒情監測裝置", TRADITIONAL, "繁简不同，其余相同"),
        (f"一种{TITLE}的研究", TEXT, "名称只差通用词或词序；正文相同"),
        (TITLE, "".join(reversed(SENTENCES)), "名称相同；正文只是语句顺序不同"),
        (TITLE, "".join(SENTENCES[1:4]), "名称相同；正文是另一条的删节：100% 包含在内"),
        (TITLE, f"{TEXT[:70]}……", "名称相同；正文是另一条的删节：100% 包含在内"),
        (TITLE, "", "名称相同；一条没有正文"),
        ("冬小麦灌溉墒情监测装置", TEXT, "名称相近（一条多出“节水”）；正文相同"),
        ("冬小麦节水灌溉墒情检测装置", TEXT, "名称相近（“监”与“检”不同）；正文相同"),
    ],
)
def test_edited_copies_are_found_with_a_reason(title: str, text: str, reason: str) -> None:
    pair = _one(title, text)
    if "监" in reason:  # neither word stands in the text: nothing tells which is meant
        assert pair is None
        return
    assert pair is not None
    assert pair.reason == reason
    assert (pair.score == 1.0) == ("；" not in reason)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        # A word more in the title and wherever the text speaks of the thing: its sibling.
        (
            "冬小麦大棚节水灌溉墒情监测装置",
            TEXT.replace("井灌农田", "井灌大棚农田").replace(
                "冬小麦的生育期", "冬小麦大棚的生育期"
            ),
        ),
        (TITLE.replace("冬小麦", "夏玉米"), TEXT.replace("冬小麦", "夏玉米")),
        (TITLE.replace("冬", "春"), TEXT.replace("冬", "春")),
        (TITLE, TEXT.replace("18%", "25%")),
        (TITLE, TEXT.replace("20厘米", "40厘米").replace("15天", "7天")),
        (TITLE, TEXT.replace("冬小麦", "花生")),
        ("盐碱地排水暗管铺设机", "机组由拖拉机牵引，开沟、铺管、回填一次完成。"),
        ("冬小麦节水灌溉技术需求", "求购适合井灌区的喷灌设备，单套覆盖五十亩以上，三年质保。"),
    ],
)
def test_other_things_in_the_same_words_are_not(title: str, text: str) -> None:
    assert _one(title, text) is None


def test_a_shared_template_does_not_make_one_thing_of_two() -> None:
    template = (
        "原料经清洗、浸提、过滤、浓缩、干燥后得到成品，工艺路线成熟，设备投资少，适合中小企业实施。"
    )
    titles = [
        "一种枸杞多糖的制备方法",
        "一种黄芪多糖的制备方法",
        "球磨机衬板200型",
        "球磨机衬板300型",
    ]
    assert find_duplicates([Document(i, t, template) for i, t in enumerate(titles)]) == []


def test_numbers_keep_their_points() -> None:
    assert plain("硬度1.5，比例3-5；约10%") == "硬度1.5比例3-5约10%"
    pair = find_duplicates([Document(1, "膜厚1.5微米涂层"), Document(2, "膜厚15微米涂层")])
    assert pair == []


def test_list_numbers_do_not_count() -> None:
    lines = ["除尘效率达到排放要求", "更换滤袋不必停机", "压差可在线监测"]
    first = "".join(f"{i}、{line}；" for i, line in enumerate(lines, 1))
    second = "".join(f"({i}) {line}；" for i, line in enumerate(reversed(lines), 1))
    (pair,) = find_duplicates(
        [Document(1, "烧结机头除尘改造", first), Document(2, "烧结机头除尘改造", second)]
    )
    assert pair.reason == "名称相同；正文只是语句顺序不同"


def test_records_that_say_nothing_are_not_duplicates() -> None:
    empty = [Document(1, "技术需求"), Document(2, "技术需求"), Document(3, ""), Document(4, "")]
    assert find_duplicates(empty) == []


def test_the_encoder_decides_what_is_uncertain_and_nothing_else() -> None:
    # One title, two texts that have little in common.
    uncertain = [
        Document(7, "焦炉煤气脱硫废液资源化处理装置", "采用膜分离提取硫氰酸盐，副产品纯度高。"),
        Document(9, "焦炉煤气脱硫废液资源化处理装置", "现场占地小，撬装供货，两周内可以投用。"),
    ]
    sure = [Document(1, TITLE, TEXT), Document(2, TITLE, TEXT + "欢迎来电咨询。")]
    asked: list[tuple[int, int]] = []

    def answer(cosine: float) -> list[DuplicatePair]:
        def similarity(pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
            asked.extend(pairs)
            return [cosine] * len(pairs)

        return find_duplicates(uncertain + sure, similarity)

    assert [(p.left_id, p.right_id) for p in answer(0.5)] == [(1, 2)]
    yes = answer(0.98)
    assert {(p.left_id, p.right_id) for p in yes} == {(1, 2), (7, 9)}
    assert yes[-1].reason.endswith("语义相似度 0.98")
    assert asked == [(7, 9), (7, 9)]
    with pytest.raises(CorpusError, match="相似度应有 1 个值，实际 0 个"):
        find_duplicates(uncertain, lambda pairs: [])


def test_config_and_ids_are_checked() -> None:
    with pytest.raises(ValueError, match="possible"):
        DuplicateConfig(possible=0.9, alone=0.8)
    with pytest.raises(CorpusError, match="重复的编号"):
        find_duplicates([Document(1, "甲"), Document(1, "乙")])


def test_difference_ignores_what_only_moved() -> None:
    assert difference(list("冬小麦播种"), list("玉米播种")).left == ("冬小麦",)
    moved = difference(list("制备及应用"), list("应用及制备"))
    assert (moved.left, moved.right) == ((), ())
    assert difference(["型", "200"], ["型", "300"]).numbers


_WORDS = st.sampled_from(["轧辊", "堆焊", "修复", "烧结", "余热", "200", "300", "，", "。", "装置"])
_TEXTS = st.lists(_WORDS, max_size=12).map("".join)
_DOCUMENTS = st.lists(st.tuples(_TEXTS, _TEXTS), min_size=2, max_size=8)


@settings(max_examples=60, deadline=None)
@given(texts=_DOCUMENTS, split=st.integers(0, 8), order=st.randoms(use_true_random=False))
def test_new_against_known_is_a_part_of_all_against_all(
    texts: list[tuple[str, str]], split: int, order: object
) -> None:
    documents = [Document(i, *pair) for i, pair in enumerate(texts)]
    everything = find_duplicates(documents)
    shuffled = list(documents)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert find_duplicates(shuffled) == everything
    new, known = shuffled[:split], shuffled[split:]
    ids = {d.id for d in new}
    part = [p for p in everything if p.left_id in ids or p.right_id in ids]
    assert find_new_duplicates(new, known) == part
    for pair in everything:
        assert 0 < pair.score <= 1
        assert pair.left_id < pair.right_id
        assert pair.reason


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 400), min_size=20), st.sets(st.integers(0, 400), min_size=20))
def test_minhash_estimates_the_jaccard_index(left: set[int], right: set[int]) -> None:
    sets = [
        np.concatenate([shingle_hashes(f"{i:05d}", 5) for i in sorted(values)])
        for values in (left, right)
    ]
    one, other = signatures(sets, 512)
    exact = len(left & right) / len(left | right)
    # Five standard deviations of a share of 512.
    assert abs(float(np.mean(one == other)) - exact) <= 5 * 0.5 / 512**0.5


def test_the_candidates_of_a_template_grow_with_the_documents_only() -> None:
    count = 60 * FULL_BUCKET
    text = "阀体整体锻造，通径{}毫米，密封面堆焊硬质合金，寿命长。"
    profiles = [profile(Document(i, f"截止阀{i}型", text.format(i))) for i in range(count)]
    half = candidate_pairs(profiles[: count // 2], np.ones(count // 2, bool))
    whole = candidate_pairs(profiles, np.ones(count, bool))
    assert NEIGHBOURS * count <= len(whole) <= 2.5 * len(half)
    fresh = np.zeros(count, bool)
    fresh[5] = True
    assert all(5 in pair for pair in candidate_pairs(profiles, fresh))


@pytest.mark.parametrize(
    "text",
    ["1." * 50_000, "，" * 100_000, "…" * 100_000, "(1" * 50_000, "a\u0301\u0323" * 30_000,
     "一种" * 50_000, "\ud800" * 50_000, "\x00" * 100_000, "9" * 100_000, "钢" * 100_000],
)  # fmt: skip
def test_hostile_texts_are_compared_in_bounded_work(text: str) -> None:
    assert len(profile(Document(1, text, text)).body) <= 4 * COMPARED
    find_duplicates([Document(1, text, text), Document(2, text + "甲", "乙" + text)])


# -- groups ------------------------------------------------------------------------------------


def _pair(left: int, right: int, score: float = 0.9) -> DuplicatePair:
    return DuplicatePair(left, right, score, f"{left}–{right}")


def _documents(*ids: int) -> list[Document]:
    return [Document(i, "名", "文" * 5) for i in ids]


def test_a_chain_is_not_a_group() -> None:
    chain = [_pair(1, 2, 0.95), _pair(2, 3, 0.9), _pair(3, 4, 0.88), _pair(4, 5, 0.86)]
    groups = group_duplicates(chain, _documents(1, 2, 3, 4, 5))
    assert [g.ids for g in groups] == [(1, 2, 3), (4, 5)]
    everyone = [_pair(a, b) for a, b in itertools.combinations(range(1, 6), 2)]
    assert [g.ids for g in group_duplicates(everyone, _documents(*range(1, 6)))] == [
        (1, 2, 3, 4, 5)
    ]


def test_exact_copies_come_along_with_their_first() -> None:
    pairs = [_pair(1, 2, 1.0), _pair(1, 3, 1.0), _pair(1, 4, 1.0), _pair(1, 9, 0.9)]
    (group,) = group_duplicates(pairs, _documents(1, 2, 3, 4, 9))
    assert group.ids == (1, 2, 3, 4, 9)
    assert group.reason == "1–2；最弱的一对：1–9"


def test_the_fullest_then_the_newest_then_the_first_stands_for_all() -> None:
    old, new = date(2024, 1, 1), date(2025, 1, 1)
    pairs = [_pair(1, 2), _pair(1, 3), _pair(2, 3)]
    texts = ["短", "长一些", "长一点"]
    dates = [new, old, new]
    documents = [
        Document(i, "名", text, day) for i, text, day in zip((1, 2, 3), texts, dates, strict=True)
    ]
    assert group_duplicates(pairs, documents)[0].canonical == 3
    undated = [Document(i, "名", text) for i, text in zip((1, 2, 3), texts, strict=True)]
    assert group_duplicates(pairs, undated)[0].canonical == 2


@settings(deadline=None)
@given(
    links=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])),
    order=st.randoms(use_true_random=False),
)
def test_groups_are_disjoint_and_do_not_depend_on_order(
    links: set[tuple[int, int]], order: object
) -> None:
    pairs = [_pair(a, b, 0.8 + 0.01 * ((7 * a + b) % 10)) for a, b in sorted(links)]
    documents = _documents(*range(10))
    groups = group_duplicates(pairs, documents)
    order.shuffle(pairs)  # type: ignore[attr-defined]
    assert group_duplicates(pairs, documents) == groups
    members = [i for group in groups for i in group.ids]
    assert len(members) == len(set(members))
    for group in groups:
        assert group.canonical in group.ids
        assert len(group.ids) >= 2
        assert {i for p in group.pairs for i in (p.left_id, p.right_id)} == set(group.ids)


# -- planted copies ----------------------------------------------------------------------------


def test_planted_copies_in_the_sample_are_found_and_hard_negatives_are_not() -> None:
    right = planted_copies = found_pairs = 0
    kinds: set[str] = set()
    for name in ("achievements", "needs"):
        planted = plant_half(read(SAMPLE / f"{name}.jsonl", "title", "text"), "report")
        similarity = encoder_similarity(planted.documents, FakeEncoder())
        found = find_duplicates(planted.documents, similarity)
        found_pairs += len(found)
        right += sum(planted.thing[p.left_id] == planted.thing[p.right_id] for p in found)
        copies = [edit for i, edit in planted.edits.items() if planted.thing[i] != i]
        planted_copies += len(copies)
        kinds.update(copies)
    assert kinds == set(COPIES)
    assert right >= 0.95 * planted_copies
    assert right >= 0.98 * found_pairs
