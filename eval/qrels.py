"""Files of evaluation: TREC judgements (qrels), TREC runs, texts of a labelled collection.

All are UTF-8, with or without a byte order mark; blank lines are skipped.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

Qrels = Mapping[str, Mapping[str, int]]
"""For each need the grade of each judged achievement; higher is more relevant."""

Run = Mapping[str, Sequence[tuple[str, float]]]
"""For each need its (achievement id, score), best first. The order counts, not the scores."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class EvalError(Exception):
    """Base of this package's errors; the message says what happened and what to do."""


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Judgements in TREC form: ``need_id 0 achievement_id relevance``, separated by blanks.

    The second column has no meaning and may hold anything. Negative grades are kept; like
    grade 0 they mean "judged, not relevant".

    Raises:
        EvalError: the file cannot be read or holds no judgement; or, naming the line, the
            number of columns is not four, a grade is not an integer of at most nine digits, or
            a pair is graded again with another grade (the same grade again is accepted).
    """
    qrels: dict[str, dict[str, int]] = {}
    for where, line in _lines(path):
        columns = line.split()
        if len(columns) != 4:
            raise EvalError(
                f"{where}：应有 4 列（需求编号 0 成果编号 等级），实际有 {len(columns)} 列。"
            )
        need, _, achievement, shown = columns
        if not _INTEGER.fullmatch(shown):
            raise EvalError(f"{where}：等级应是整数，最多九位，实际是 {_short(shown)}。")
        grade = int(shown)
        known = qrels.setdefault(need, {}).setdefault(achievement, grade)
        if known != grade:
            raise EvalError(
                f"{where}：{need} 与 {achievement} 前面已标为 {known}，这里又标为 {grade}。"
                "请只保留一个等级。"
            )
    if not qrels:
        raise EvalError(f"{path}：文件里没有任何标注。")
    return qrels


def rank_documents(scores: Mapping[str, float]) -> list[str]:
    """Ids in the order in which trec_eval ranks them: score descending, then id descending.

    trec_eval holds scores as 32-bit floats, so scores that differ only beyond about seven
    digits are a tie to it, and so they are here (source: trec_eval 9, ``trec_format.h``).
    The product itself orders by (float64 score descending, id ascending): its runs keep
    their own order, see `write_run`.

    Raises:
        EvalError: a score is not a number within the range of a 32-bit float.
    """
    for achievement, score in scores.items():
        _check_score(score, achievement)
    return sorted(scores, key=lambda i: (float(np.float32(scores[i])), i), reverse=True)


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """A TREC run, ``need_id Q0 achievement_id rank score tag``, best first.

    As in trec_eval the order comes from the scores (`rank_documents`) and the rank column is
    not looked at.

    Raises:
        EvalError: the file cannot be read or ranks nothing; or, naming the line, the number
            of columns is not six, a score is no number, or an achievement is ranked twice.
    """
    scores: dict[str, dict[str, float]] = {}
    for where, line in _lines(path):
        columns = line.split()
        if len(columns) != 6:
            raise EvalError(
                f"{where}：应有 6 列（需求编号 Q0 成果编号 名次 分数 名称），"
                f"实际有 {len(columns)} 列。"
            )
        need, _, achievement, _, shown, _ = columns
        try:
            score = float(shown)
        except ValueError:
            raise EvalError(f"{where}：分数应是数字，实际是 {_short(shown)}。") from None
        _check_score(score, where)
        ranked = scores.setdefault(need, {})
        if achievement in ranked:
            raise EvalError(f"{where}：{need} 的排序里 {achievement} 出现了两次。")
        ranked[achievement] = score
    if not scores:
        raise EvalError(f"{path}：文件里没有任何排序。")
    return {
        need: [(achievement, ranked[achievement]) for achievement in rank_documents(ranked)]
        for need, ranked in scores.items()
    }


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a TREC run, ranks from 1, so that every tool sees the order of ``run``.

    Tools sort again by score, and differ in their tie order and precision (trec_eval: 32-bit
    floats, ties by id descending; others: 64-bit, ascending). So written scores decrease
    strictly *as 32-bit floats*: a score that would not be below the one before it is replaced
    by the next 32-bit float below that one. Other scores are written exactly (``repr``).
    The file is written beside and then put in place; a failure leaves the old one.

    Raises:
        EvalError: nothing is ranked; an id or the tag is empty or has blanks in it; an
            achievement is ranked twice; scores increase or are outside the range of a 32-bit
            float; or the file cannot be written.
    """
    _check_word(tag, "名称")
    lines: list[str] = []
    for need, ranked in run.items():
        _check_word(need, "需求编号")
        if len({achievement for achievement, _ in ranked}) != len(ranked):
            raise EvalError(f"{need} 的排序里有成果出现了两次。")
        scores = _strictly_decreasing([score for _, score in ranked], need)
        for rank, ((achievement, _), score) in enumerate(zip(ranked, scores, strict=True), 1):
            _check_word(achievement, "成果编号")
            lines.append(f"{need} Q0 {achievement} {rank} {score!r} {tag}\n")
    if not lines:
        raise EvalError(f"没有任何排序结果，未写入 {path}。")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with beside.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise EvalError(f"无法写入 {path}（{error}）。请检查文件夹和权限。") from error


def read_texts(path: Path, id_key: str) -> list[dict[str, str]]:
    """Texts of a labelled collection: one JSON object a line.

    Args:
        path: the file.
        id_key: the name of the id, ``need_id`` or ``achievement_id``.

    Returns:
        For each object, in the file's order, ``id_key``, ``title`` and ``text`` (empty where
        absent or null). Other fields are left out.

    Raises:
        EvalError: the file cannot be read or holds nothing; or, naming the line, it is not a
            JSON object, the id is missing, has blanks in it (TREC files are separated by
            blanks) or came before, or title or text is not a string or the title is blank, or
            one of them holds a lone surrogate, which no database takes.
    """
    rows: dict[str, dict[str, str]] = {}
    for where, line in _lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvalError(f"{where}：不是合法的 JSON（{error}）。") from error
        if not isinstance(value, dict):
            raise EvalError(f"{where}：应是一个 JSON 对象。")
        key, title, text = value.get(id_key), value.get("title"), value.get("text")
        text = "" if text is None else text
        if not isinstance(key, str) or len(key.split()) != 1 or key != key.strip():
            raise EvalError(f"{where}：缺少 {id_key}，或它不是不含空白的字符串。")
        if not isinstance(title, str) or not title.strip():
            raise EvalError(f"{where}：缺少 title，或它不是非空的字符串。")
        if not isinstance(text, str):
            raise EvalError(f"{where}：text 应是字符串。")
        if not all(_encodable(value) for value in (key, title, text)):
            raise EvalError(f"{where}：含有无法编码的字符（单独的代理项）。请改正后再试。")
        if key in rows:
            raise EvalError(f"{where}：{id_key} {key} 前面已出现过。")
        rows[key] = {id_key: key, "title": title, "text": text}
    if not rows:
        raise EvalError(f"{path}：文件里没有任何记录。")
    return list(rows.values())


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Non-blank lines, each with the words that name its place."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvalError(f"无法读取 {path}（{error}）。") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise EvalError(f"{path} 第 {number} 行：不是 UTF-8 编码。请另存为 UTF-8。") from error
    # Not splitlines(): JSON strings may hold U+2028 and its like.
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if line.strip():
            yield f"{path} 第 {number} 行", line


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _short(shown: str) -> str:
    return repr(shown if len(shown) <= 40 else shown[:40] + "…")


def _check_score(score: float, where: str) -> None:
    if not math.isfinite(score) or abs(score) > _FLOAT32_MAX:
        raise EvalError(f"{where}：分数 {score} 不是有限的数，或超出 32 位浮点数的范围。")


def _check_word(word: str, name: str) -> None:
    if len(word.split()) != 1 or word != word.strip():
        raise EvalError(f"{name} {word!r} 为空或含有空白，无法写入 TREC 文件。")


def _strictly_decreasing(scores: Sequence[float], need: str) -> list[float]:
    """The scores, lowered where needed so that they decrease strictly as 32-bit floats."""
    written: list[float] = []
    last = math.inf
    low = np.float32(-math.inf)
    previous = np.float32(math.inf)
    for score in scores:
        _check_score(score, need)
        if score > last:
            raise EvalError(f"{need} 的排序与分数不一致：分数 {score} 排在 {last} 之后。")
        last = score
        value, shown = np.float32(score), float(score)
        if value >= previous:
            if previous <= -_FLOAT32_MAX:
                raise EvalError(f"{need}：分数太小，无法写成严格递减的 32 位浮点数。")
            value = np.nextafter(previous, low)
            shown = float(value)
        written.append(shown)
        previous = value
    return written
