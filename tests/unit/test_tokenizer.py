"""Terms of a text, their exact places, and the dictionary's independence."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import jieba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.text import fold
from indexer.tokenizer import JiebaTokenizer, Lexicon, Token, default_lexicon

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Lexicon(
    frozenset({"氢冶金", "石墨烯", "钢渣", "微粉", "反渗透膜", "led", "ai", "pm2.5"}),
    frozenset({"的", "技术", "the"}),
    {},
)
SYNONYMS = replace(
    PLAIN,
    synonyms={
        "石墨烯": "石墨烯",
        "graphene": "石墨烯",
        "グラフェン": "石墨烯",
        "炭纤维": "碳纤维",
        "碳纤维": "碳纤维",
        "リチウムイオン电池": "锂离子电池",
        "クラウドコンピューティング": "云计算",
        "연료전지": "燃料电池",
    },
)
TOKENIZER = JiebaTokenizer(PLAIN)
DECOMPOSED = unicodedata.normalize("NFD", "연료전지")
# Pieces, not characters: a base and its mark belong together.
PIECES = [
    *"鋼渣铁轉爐膜烯石墨農業发展银行氢冶金技术的𠀀",
    *"ＡｂＣz１9°µﬁ㎡²ßö.-+%#&_",
    *" \u3000\r\n\t,。（、🏭",
    *("e\u0301", "ｶﾞ", "👩\u200d🔬", "\r\n", "PM２.5", "ＬＥＤ"),
    *"カナーノ가소수",
    *("\u1112\u1161\u11ab", "\u1100\u1173"),
]
mixed_texts = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def terms(text: str, tokenizer: JiebaTokenizer = TOKENIZER) -> list[str]:
    return [token.term for token in tokenizer.tokenize(text)]


@pytest.mark.parametrize(
    ("text", "written", "term"),
    [
        ("利用ＬＥＤ灯", "ＬＥＤ", "led"),
        ("　 钢渣", "钢渣", "钢渣"),
        ("一\r\n钢渣\r\n", "钢渣", "钢渣"),
        ("🏭👩\u200d🔬钢渣🏭", "钢渣", "钢渣"),
        ("轉爐鋼渣", "鋼渣", "钢渣"),
        ("ﬁlm膜", "ﬁlm", "film"),
        ("钢ｶﾞｽ钢", "ｶﾞｽ", "ガス"),
        ("cafe\u0301 x", "cafe\u0301", "café"),
        (f"钢 {DECOMPOSED} 1", DECOMPOSED, "연료전지"),
    ],
)
def test_a_term_is_marked_where_it_is_written(text: str, written: str, term: str) -> None:
    start = text.index(written)
    assert Token(term, start, start + len(written)) in TOKENIZER.tokenize(text)


@settings(deadline=None, max_examples=400)
@given(mixed_texts)
def test_the_marked_text_folds_to_the_term(text: str) -> None:
    for token in TOKENIZER.tokenize(text):
        marked = fold(text[token.start : token.end]).text
        assert marked.strip("+#&._%-") == token.term


@settings(deadline=None, max_examples=300)
@given(mixed_texts)
def test_tokens_come_in_order_and_once(text: str) -> None:
    tokens = TOKENIZER.tokenize(text)
    places = [(token.start, token.end) for token in tokens]
    assert places == sorted(places)
    assert len(set(tokens)) == len(tokens)


@settings(deadline=None, max_examples=300)
@given(mixed_texts)
def test_no_han_character_is_lost(text: str) -> None:
    kept = {i for token in TOKENIZER.tokenize(text) for i in range(token.start, token.end)}
    stopped = {
        i
        for word in ("的", "技术", "技術")
        for match in re.finditer(word, text)
        for i in range(*match.span())
    }
    for place, char in enumerate(text):
        if "\u4e00" <= char <= "\u9fff" or char == "𠀀":
            assert place in kept | stopped


def test_whole_words_stand_beside_their_parts() -> None:
    assert {"农业", "发展", "银行", "农业发展银行"} <= set(terms("农业发展银行"))
    assert {"钢渣", "微粉"} <= set(terms("转炉钢渣微粉"))
    whole = JiebaTokenizer(replace(PLAIN, terms=PLAIN.terms | {"转炉钢渣微粉"}))
    assert {"钢渣", "微粉", "转炉钢渣微粉"} <= set(terms("转炉钢渣微粉", whole))


@pytest.mark.parametrize(
    ("text", "head"), [("反渗透膜", "膜"), ("膜", "膜"), ("石墨烯", "烯"), ("烯", "烯")]
)
def test_one_character_words_are_terms_and_heads_of_compounds(text: str, head: str) -> None:
    assert Token(head, len(text) - 1, len(text)) in TOKENIZER.tokenize(text)
    assert text in terms(text)


def test_only_the_end_of_a_compound_is_its_head() -> None:
    assert "钢" not in terms("钢渣")


def test_a_head_is_counted_once_however_many_words_end_in_it() -> None:
    nested = JiebaTokenizer(replace(PLAIN, terms=frozenset({"钢渣", "炉钢渣", "转炉钢渣"})))
    assert terms("转炉钢渣", nested).count("渣") == 1


def test_words_of_letters_stand_whole() -> None:
    assert terms("controlled stainless LED") == ["controlled", "stainless", "led"]
    assert terms("Edelstahl-Größe") == ["edelstahl", "größe"]
    assert "pm2.5" in terms("PM2.5监测")


def test_stop_words_and_bare_numbers_are_dropped() -> None:
    assert terms("的技术 The 120 ３.5% 1,000 ①") == []
    assert terms("120t") == ["120t"]


def test_kana_and_hangul_become_pairs_beside_the_whole() -> None:
    assert terms("セラミ") == ["セラ", "セラミ", "ラミ"]
    assert terms("수소") == ["수소"]
    long = "アイウエオカキクケコサシスセ"
    assert terms(long) == [long[i : i + 2] for i in range(len(long) - 1)]


def test_texts_without_words_have_no_terms() -> None:
    assert terms("") == []
    assert terms(" \r\n🏭。、（）\x00\ud800") == []


def test_synonyms_become_the_canonical_form_and_keep_their_place() -> None:
    tokenizer = JiebaTokenizer(SYNONYMS)
    for text, written, canonical in [
        ("Ｇraphene涂层", "Ｇraphene", "石墨烯"),
        ("炭纖維增强", "炭纖維", "碳纤维"),
        ("グラフェンの膜", "グラフェン", "石墨烯"),
        ("新型リチウムイオン電池です", "リチウムイオン電池", "锂离子电池"),
        ("クラウドコンピューティング", "クラウドコンピューティング", "云计算"),
        ("수소연료전지", "연료전지", "燃料电池"),
    ]:
        start = text.index(written)
        place = Token(canonical, start, start + len(written))
        assert place in tokenizer.tokenize(text), text
    assert "炭纤维" not in terms("炭纤维", tokenizer)


def _tokens_in_another_process(lexicon: Lexicon, text: str) -> tuple[str, list[Token]]:
    tokenizer = JiebaTokenizer(lexicon)
    return tokenizer.fingerprint, tokenizer.tokenize(text)


def test_a_new_term_is_a_token_in_every_worker() -> None:
    text = "氢冶金用石墨烯"
    assert "氢冶金" in terms(text)
    assert "氢冶金" not in terms(text, JiebaTokenizer(Lexicon(frozenset(), frozenset(), {})))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.apply(_tokens_in_another_process, (PLAIN, text))
    assert answer == (TOKENIZER.fingerprint, TOKENIZER.tokenize(text))


@pytest.mark.parametrize("seed", ["0", "1234"])
def test_the_hash_seed_changes_nothing(seed: str) -> None:
    text = "农业发展银行的轉爐鋼渣 Größe グラフェン 炭纤维 リチウムイオン電池"
    script = """
import json, sys
from indexer.tokenizer import JiebaTokenizer, Lexicon
terms, stop_words, synonyms, text = json.loads(sys.argv[1])
tokenizer = JiebaTokenizer(Lexicon(frozenset(terms), frozenset(stop_words), synonyms))
tokens = [[t.term, t.start, t.end] for t in tokenizer.tokenize(text)]
print(json.dumps([tokenizer.fingerprint, tokens]))
"""
    words = sorted(SYNONYMS.terms), sorted(SYNONYMS.stop_words), dict(SYNONYMS.synonyms)
    out = subprocess.run(
        [sys.executable, "-c", script, json.dumps([*words, text])],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    tokenizer = JiebaTokenizer(SYNONYMS)
    expected = [[t.term, t.start, t.end] for t in tokenizer.tokenize(text)]
    assert json.loads(out.stdout) == [tokenizer.fingerprint, expected]


def test_the_fingerprint_changes_with_every_part_of_the_lexicon() -> None:
    same = Lexicon(frozenset(sorted(PLAIN.terms)), frozenset(PLAIN.stop_words), {})
    assert JiebaTokenizer(same).fingerprint == TOKENIZER.fingerprint
    others = [
        replace(PLAIN, terms=PLAIN.terms | {"电炉"}),
        replace(PLAIN, terms=PLAIN.terms - {"led"}),
        replace(PLAIN, stop_words=PLAIN.stop_words | {"电炉"}),
        replace(PLAIN, synonyms={"电炉": "电弧炉"}),
        replace(PLAIN, synonyms={"电弧炉": "电炉"}),
    ]
    prints = {PLAIN.fingerprint, *(lexicon.fingerprint for lexicon in others)}
    assert len(prints) == len(others) + 1
    assert JiebaTokenizer(others[0]).fingerprint != TOKENIZER.fingerprint


def test_the_global_jieba_is_neither_changed_nor_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "FREQ": {},
        "total": 0,
        "initialized": False,
        "tmp_dir": str(tmp_path),
        "user_word_tag_tab": {},
    }.items():
        monkeypatch.setattr(jieba.dt, name, value)
    jieba.add_word("氢冶炼铁矿")
    assert "氢冶炼铁矿" in jieba.lcut("氢冶炼铁矿石")  # the global one did change
    before = dict(jieba.dt.FREQ)
    later = JiebaTokenizer(PLAIN)
    for tokenizer in (TOKENIZER, later):
        assert "氢冶炼铁矿" not in terms("氢冶炼铁矿石", tokenizer)
        assert "氢冶金" in terms("氢冶金", tokenizer)
    assert before == jieba.dt.FREQ
    assert "氢冶金" not in jieba.dt.FREQ


@pytest.fixture(scope="module")
def shipped() -> JiebaTokenizer:
    return JiebaTokenizer()


def test_every_shipped_synonym_is_understood(shipped: JiebaTokenizer) -> None:
    synonyms = default_lexicon().synonyms
    assert len(synonyms) > 100
    lost = {form for form, canonical in synonyms.items() if canonical not in terms(form, shipped)}
    # OpenCC writes 噁 as a character outside jieba's range; both forms fold to the same.
    assert lost <= {fold("二噁英").text}


def test_every_shipped_term_is_one_token(shipped: JiebaTokenizer) -> None:
    lexicon = default_lexicon()
    assert len(lexicon.terms) > 1000
    lost = {
        term
        for term in lexicon.terms
        if lexicon.synonyms.get(term, term) not in terms(term, shipped)
    }
    assert all("𫫇" in term for term in lost)


def test_the_general_dictionary_splits_most_technical_terms(shipped: JiebaTokenizer) -> None:
    """What the shipped terms are for, measured: without them more than half fall apart."""
    lexicon = default_lexicon()
    general = JiebaTokenizer(replace(lexicon, terms=frozenset(), synonyms={}))
    han = [term for term in lexicon.terms if re.fullmatch("[\u4e00-\u9fff]{2,}", term)]
    split = {term for term in han if term not in terms(term, general)}
    assert "石墨烯" in split
    assert len(split) > len(han) / 2
    assert terms("石墨烯", shipped) == ["石墨", "石墨烯", "烯"]


def test_the_shipped_lexicon_does_not_contradict_itself() -> None:
    lexicon = default_lexicon()
    assert not lexicon.terms & lexicon.stop_words
    assert not lexicon.synonyms.keys() & lexicon.stop_words
    for canonical in lexicon.synonyms.values():
        assert lexicon.synonyms[canonical] == canonical


def test_the_shipped_lexicon_finds_parts_of_compounds(shipped: JiebaTokenizer) -> None:
    for query, text in [
        ("农业", "中国农业发展银行"),
        ("钢渣", "转炉钢渣微粉"),
        ("膜", "反渗透膜"),
        ("石墨烯", "氧化石墨烯浆料"),
        ("氢冶金", "富氢碳循环氢冶金工艺"),
    ]:
        assert set(terms(query, shipped)) <= set(terms(text, shipped)), query
