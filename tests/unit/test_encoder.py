"""The encoder over the real default model."""

from __future__ import annotations

import itertools
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.adapter import shipped_adapter
from indexer.builtin import ensure_builtin_model
from indexer.encoder import EncoderConfig, EncoderError, SentenceTransformerEncoder

LIMIT = 512
NEED = "寻求带钢表面缺陷在线检测技术，要求检出率不低于98%。"
TEXTS = [
    "基于机器视觉的带钢表面缺陷在线检测系统，已在热轧产线应用。",
    "钢渣微粉制备低碳胶凝材料",
    "一种海参育苗用生态饵料及其制备方法。" * 4,
    "Deep learning finds surface defects of hot-rolled strip on the line.",
    "",
    "高炉煤气干法除尘。" * 30,
]
FILLER = "本项目面向陶瓷生产企业，提供窑炉节能改造与烟气治理的整体方案。"
LATE = "另外，团队还研制了宠物猫自动喂食器。"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EncoderConfig:
    given_cache = os.environ.get("ZHITONG_TEST_CACHE")
    cache = Path(given_cache) if given_cache else tmp_path_factory.getbasetemp() / "model-cache"
    return EncoderConfig(cache_dir=cache, threads=2)


@pytest.fixture(scope="module")
def encoder(config: EncoderConfig) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(config)


@pytest.fixture(scope="module")
def plain(config: EncoderConfig) -> SentenceTransformerEncoder:
    """The default model without its adapter."""
    return SentenceTransformerEncoder(replace(config, adapter="none"))


@pytest.fixture(scope="module")
def narrow(config: EncoderConfig) -> SentenceTransformerEncoder:
    """With small windows, so that short texts have many."""
    return SentenceTransformerEncoder(replace(config, window_tokens=32, window_overlap_tokens=8))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _tokens(encoder: SentenceTransformerEncoder, text: str) -> int:
    return encoder._lengths([text], "")[text]


# -- vectors ---------------------------------------------------------------------------------


def test_unit_rows_of_the_right_shape(encoder: SentenceTransformerEncoder) -> None:
    vectors = encoder.encode_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode_queries([]).shape == (0, 384)


def test_meaning_decides(encoder: SentenceTransformerEncoder) -> None:
    scores = encoder.encode_passages(TEXTS) @ encoder.encode_queries([NEED])[0]
    assert int(np.argmax(scores)) == 0


def test_prompts_are_applied(encoder: SentenceTransformerEncoder) -> None:
    raw: Any = encoder._model.encode(
        [f"query: {NEED}", f"passage: {NEED}"], show_progress_bar=False
    )
    ours = np.vstack([encoder.encode_queries([NEED]), encoder.encode_passages([NEED])])
    np.testing.assert_allclose(ours, raw, atol=1e-6)
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


def test_order_and_repetition_change_nothing(encoder: SentenceTransformerEncoder) -> None:
    vectors = encoder.encode_passages(TEXTS)
    order = [5, 2, 0, 4, 1, 3, 0]
    np.testing.assert_array_equal(
        encoder.encode_passages([TEXTS[i] for i in order]), vectors[order]
    )


def test_a_query_is_the_same_alone_and_in_any_company(
    encoder: SentenceTransformerEncoder,
) -> None:
    texts = [f"第{i}项：{NEED * (i % 4)}{FILLER * (i % 3)}" for i in range(29)]
    texts.append(FILLER * 30)
    assert _tokens(encoder, texts[-1]) > LIMIT
    together = encoder.encode_queries(texts)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_array_equal(encoder.encode_queries([text])[0], row)
    np.testing.assert_array_equal(encoder.encode_queries(texts[3:8]), together[3:8])


def test_a_query_is_the_same_with_any_number_of_threads(
    config: EncoderConfig, encoder: SentenceTransformerEncoder
) -> None:
    alone = SentenceTransformerEncoder(replace(config, threads=1))
    np.testing.assert_array_equal(alone.encode_queries(TEXTS), encoder.encode_queries(TEXTS))


def test_the_built_in_model_has_the_name_people_know(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.name == "multilingual-e5-small"


def test_company_changes_last_bits_of_passages_at_most(
    encoder: SentenceTransformerEncoder,
) -> None:
    alone = np.vstack([encoder.encode_passages([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode_passages(TEXTS), alone, atol=1e-5)


def test_batch_size_changes_last_bits_at_most(
    config: EncoderConfig, encoder: SentenceTransformerEncoder
) -> None:
    small = SentenceTransformerEncoder(replace(config, batch_size=1))
    assert small.fingerprint == encoder.fingerprint
    np.testing.assert_allclose(
        small.encode_passages(TEXTS), encoder.encode_passages(TEXTS), atol=1e-5
    )


def test_empty_text_is_its_prompt(encoder: SentenceTransformerEncoder) -> None:
    empty, blank = encoder.encode_passages(["", " \n"])
    np.testing.assert_allclose(empty, blank, atol=1e-6)
    assert np.isfinite(empty).all()
    assert np.abs(empty - encoder.encode_queries([""])[0]).max() > 1e-3


def test_progress(encoder: SentenceTransformerEncoder) -> None:
    calls: list[tuple[int, int]] = []
    texts = [f"第{i}项成果" for i in range(70)]
    encoder.encode_passages([*texts, *texts], lambda done, total: calls.append((done, total)))
    assert len(calls) == 3
    assert calls[-1] == (140, 140)
    assert calls == sorted(calls)


def test_threads_share_an_encoder(encoder: SentenceTransformerEncoder) -> None:
    long = FILLER * 30
    with ThreadPoolExecutor(4) as pool:
        queries = [pool.submit(encoder.encode_queries, [NEED]) for _ in range(6)]
        windows = [pool.submit(encoder.windows, long) for _ in range(6)]
        passages = [pool.submit(encoder.encode_passages, [long]) for _ in range(2)]
    assert len({tuple(future.result()) for future in windows}) == 1
    for futures in (queries, passages):
        for future in futures:
            np.testing.assert_array_equal(future.result(), futures[0].result())


def test_no_network_and_no_noise(
    config: EncoderConfig, no_network: None, capfd: pytest.CaptureFixture[str]
) -> None:
    SentenceTransformerEncoder(config).encode_queries([NEED])
    assert capfd.readouterr() == ("", "")


# -- long texts ------------------------------------------------------------------------------


def test_what_follows_the_limit_is_read(encoder: SentenceTransformerEncoder) -> None:
    long = FILLER * 40
    assert _tokens(encoder, long) > 600
    for encode in (encoder.encode_passages, encoder.encode_queries):
        with_late, without = encode([long + LATE, long])
        target = encoder.encode_queries([LATE])[0]
        assert with_late @ target > without @ target + 1e-3


def test_the_nearest_window_holds_the_late_sentence(encoder: SentenceTransformerEncoder) -> None:
    text = FILLER * 40 + LATE
    windows = encoder.windows(text, prefix="窑炉节能改造\n")
    vectors = encoder.encode_passages([text[start:end] for start, end in windows])
    best = int(np.argmax(vectors @ encoder.encode_queries([LATE])[0]))
    start, end = windows[best]
    assert LATE in text[start:end]


def _check_windows(
    encoder: SentenceTransformerEncoder, text: str, prefix: str
) -> list[tuple[int, int]]:
    windows = encoder.windows(text, prefix)
    assert windows[0][0] == 0
    assert windows[-1][1] == len(text)
    for (start, end), (next_start, next_end) in itertools.pairwise(windows):
        assert start < next_start <= end < next_end
    for start, end in windows:
        assert _tokens(encoder, f"passage: {prefix}{text[start:end]}") <= LIMIT
    return windows


_PARTS = st.sampled_from(
    ["本项目处于中试阶段", "。", "；", "\n", " ", "3.5 mm", "Deep learning", ". ", "㈱", "ﷺ", "🙂"]
)
_TEXT = st.one_of(st.lists(_PARTS, max_size=150).map("".join), st.text(max_size=300))


@settings(max_examples=60, deadline=None)
@given(text=_TEXT, prefix=st.sampled_from(["", "标题\n", "陶瓷窑炉节能改造。" * 20]))
def test_windows_cover_the_text_and_fit(
    narrow: SentenceTransformerEncoder, text: str, prefix: str
) -> None:
    _check_windows(narrow, text, prefix)


@settings(max_examples=15, deadline=None)
@given(text=st.lists(_PARTS, min_size=400, max_size=900).map("".join))
def test_windows_of_long_texts(encoder: SentenceTransformerEncoder, text: str) -> None:
    _check_windows(encoder, text, "标题\n")


def test_windows_leave_room_for_a_long_title(config: EncoderConfig) -> None:
    wide = SentenceTransformerEncoder(replace(config, window_tokens=500, window_overlap_tokens=32))
    assert len(_check_windows(wide, FILLER * 60, "节能" * 150)) > len(
        _check_windows(wide, FILLER * 60, "")
    )


def test_a_title_beyond_the_limit_is_split_again(encoder: SentenceTransformerEncoder) -> None:
    title, text = "节能改造方案" * 300, FILLER * 20
    windows = encoder.windows(text, title)
    assert windows[-1][1] == len(text)
    first, second = encoder.encode_passages([title + text, title])
    assert np.abs(first - second).max() > 1e-3


def test_windows_end_with_sentences(narrow: SentenceTransformerEncoder) -> None:
    text = FILLER * 12
    windows = narrow.windows(text)
    assert len(windows) > 3
    assert all(text[end - 1] == "。" for _, end in windows)


def test_windows_overlap_where_there_is_no_sentence(narrow: SentenceTransformerEncoder) -> None:
    windows = narrow.windows("窑炉节能改造与烟气治理" * 40)
    assert all(b[0] < a[1] for a, b in itertools.pairwise(windows))


def test_windows_of_nothing_and_of_little(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.windows("") == [(0, 0)]
    assert encoder.windows(" \n ") == [(0, 3)]
    assert encoder.windows(NEED) == [(0, len(NEED))]


# -- which model -----------------------------------------------------------------------------


def test_fingerprint_follows_prompts_and_windows(
    config: EncoderConfig,
    encoder: SentenceTransformerEncoder,
    narrow: SentenceTransformerEncoder,
) -> None:
    again = SentenceTransformerEncoder(config)
    other = SentenceTransformerEncoder(replace(config, query_prompt="问题："))
    assert again.fingerprint == encoder.fingerprint
    assert len({encoder.fingerprint, narrow.fingerprint, other.fingerprint}) == 3
    assert np.abs(other.encode_queries([NEED]) - encoder.encode_queries([NEED])).max() > 1e-3


def test_a_folder_named_like_a_preset_has_its_prompts(
    config: EncoderConfig, plain: SentenceTransformerEncoder, tmp_path: Path, no_network: None
) -> None:
    folder = tmp_path / "bge-small-zh-v1.5"
    folder.symlink_to(ensure_builtin_model(config.cache_dir), target_is_directory=True)
    by_path = SentenceTransformerEncoder(replace(config, name=str(folder)))
    by_name = SentenceTransformerEncoder(
        replace(config, name="BAAI/bge-small-zh-v1.5", cache_dir=tmp_path)
    )
    assert by_path.name == by_name.name == "bge-small-zh-v1.5"
    assert by_path.fingerprint == by_name.fingerprint != plain.fingerprint
    expected: Any = plain._model.encode(
        [f"为这个句子生成表示以用于检索相关文章：{NEED}", NEED], show_progress_bar=False
    )
    ours = np.vstack([by_path.encode_queries([NEED]), by_path.encode_passages([NEED])])
    # Float16 word embeddings, widened at loading or at look-up: the same numbers.
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_any_folder_has_its_own_prompts(
    config: EncoderConfig, plain: SentenceTransformerEncoder
) -> None:
    path = str(ensure_builtin_model(config.cache_dir))
    other = SentenceTransformerEncoder(replace(config, name=path))
    np.testing.assert_allclose(
        other.encode_queries([NEED]), plain.encode_queries([NEED]), atol=1e-5
    )


def test_the_adapter_is_part_of_what_the_model_is(
    config: EncoderConfig, encoder: SentenceTransformerEncoder, plain: SentenceTransformerEncoder
) -> None:
    given = SentenceTransformerEncoder(replace(config, adapter=str(shipped_adapter())))
    assert given.fingerprint == encoder.fingerprint != plain.fingerprint
    assert np.array_equal(given.encode_queries([NEED]), encoder.encode_queries([NEED]))
    assert np.abs(plain.encode_queries([NEED]) - encoder.encode_queries([NEED])).max() > 1e-3
    folder = str(ensure_builtin_model(config.cache_dir))
    another = replace(config, name=folder, adapter=str(shipped_adapter()))
    with pytest.raises(EncoderError, match="是为模型 multilingual-e5-small 训练的"):
        SentenceTransformerEncoder(another)


@pytest.mark.parametrize("name", ["someone/no-such-model", "/no/such/folder", "", "不存在"])
def test_a_missing_model_is_explained(
    config: EncoderConfig, name: str, tmp_path: Path, no_network: None
) -> None:
    with pytest.raises(EncoderError, match="ZHITONG_ENCODER"):
        SentenceTransformerEncoder(replace(config, name=name, cache_dir=tmp_path))


def test_a_broken_folder_is_explained(config: EncoderConfig, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EncoderError, match="无法加载"):
        SentenceTransformerEncoder(replace(config, name=str(tmp_path)))


def test_a_prompt_too_long_to_leave_room(config: EncoderConfig) -> None:
    with pytest.raises(EncoderError, match="ZHITONG_ENCODER_QUERY_PROMPT"):
        SentenceTransformerEncoder(replace(config, query_prompt="指令" * 300))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"threads": 0},
        {"window_tokens": 8},
        {"window_overlap_tokens": -1},
        {"window_overlap_tokens": 200},
    ],
)
def test_configuration_is_checked(config: EncoderConfig, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"window|batch"):
        replace(config, **wrong)  # type: ignore[arg-type]
