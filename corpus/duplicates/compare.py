"""Measures of how alike two documents are, and the score and sentence made from them.

Every measure is a share that a person can check in the two texts. A difference that makes the
two another thing (another number, another object) outweighs any likeness: records made from one
template are alike in all but the words that matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from corpus.duplicates.profile import Profile, tokens

SHORT_TEXT = 12
"""Characters below which a text says too little to be compared."""
FULL_TRUST = 20
"""Characters from which the overlap of a text counts in full."""
SPECIFIC_TITLE = 8
"""Tokens from which a title names one thing only."""
SPECIFIC_ALONE = 6
"""The same where only one of the two has a text, which cannot say otherwise."""
TITLE_WEIGHT = 0.8
"""What an equal, specific title counts beside two texts."""
EXTENDED_TITLE = 0.5
"""Dice coefficient from which one title may be the other with words added."""
REWORDED_TITLE = 0.65
"""Dice coefficient from which one title may be the other in other words."""
CLOSE_TITLE = 0.75
"""The same where the texts have the words of both titles."""
DIFFERING = 30
"""Differing clauses of a text that are looked into."""
LONGEST_CLAUSE = 120
"""Characters of a clause that are looked into."""
REPEATED = 2
"""Clauses from which on a word that only one title has is another object, not a slip."""
SAME_CLAUSE = 0.6
"""Share of tokens from which one clause is taken to be an edited copy of another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Words that only one of two titles or clauses has, in their order."""

    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def numbers(self) -> bool:
        """Both sides have a number that the other has not."""
        return _has_number(self.left) and _has_number(self.right)

    @property
    def words(self) -> bool:
        """Both sides have words that the other has not."""
        return bool(self.left) and bool(self.right)


@dataclass(frozen=True, slots=True)
class Measures:
    """What two documents have in common; all shares are in [0, 1]."""

    same_title: bool
    title: float
    """Dice coefficient of the titles' tokens, generic words left out."""
    specific: float
    """How far the titles name one thing only: 1 from ``SPECIFIC_TITLE`` tokens."""
    texts: int
    """How many of the two have a text worth comparing."""
    jaccard: float = 0.0
    """Common shingles by all shingles."""
    containment: float = 0.0
    """Common shingles by those of the text with fewer."""
    equal: float = 0.0
    """Characters of the shorter text in clauses that the other has too."""
    length_ratio: float = 1.0
    trust: float = 1.0
    """How far the texts are long enough for an overlap to mean something."""
    reordered: bool = False

    @property
    def overlap(self) -> float:
        """Of the texts: Jaccard index, or a little less than what a cut text is contained."""
        return self.trust * max(self.jaccard, 0.95 * self.containment)

    @property
    def score(self) -> float:
        """1 − (1 − overlap)(1 − what the titles say), before differences are weighed.

        The titles' likeness counts to the fourth power: half a title in common is no evidence.
        """
        said = self.title**4
        if self.texts == 0:
            return said
        said *= self.specific
        if self.texts == 1:
            return said
        return 1 - (1 - self.overlap) * (1 - TITLE_WEIGHT * said)


def measure(left: Profile, right: Profile) -> Measures:
    """Compare titles and texts."""
    title = _dice(Counter(left.words), Counter(right.words))
    title = 1.0 if left.title == right.title else title
    shorter, longer = sorted((left, right), key=lambda p: len(p.body))
    texts = sum(len(p.body) >= SHORT_TEXT for p in (left, right))
    enough = SPECIFIC_TITLE if texts == 2 else SPECIFIC_ALONE
    specific = min(1.0, min(len(left.words), len(right.words)) / enough)
    same_title = left.title == right.title
    if texts < 2:
        return Measures(same_title, title, specific, texts)
    common = len(np.intersect1d(left.shingles, right.shingles, assume_unique=True))
    sizes = len(left.shingles), len(right.shingles)
    known = set(longer.clauses)
    return Measures(
        same_title,
        title,
        specific,
        texts,
        jaccard=common / (sum(sizes) - common),
        containment=common / min(sizes),
        equal=sum(len(c) for c in shorter.clauses if c in known) / len(shorter.body),
        length_ratio=len(shorter.body) / len(longer.body),
        trust=min(1.0, len(shorter.body) / FULL_TRUST),
        reordered=left.clauses != right.clauses and sorted(left.clauses) == sorted(right.clauses),
    )


def conflict(left: Profile, right: Profile) -> str | None:
    """Why two documents that look alike are about different things; None if nothing says so."""
    one, other = Counter(left.words), Counter(right.words)
    if _has_number(one - other) and _has_number(other - one):
        return "名称中的数字不同"
    if one and other and _dice(one, other) < EXTENDED_TITLE:
        return "名称的字词大多不同"
    edits = [difference(*clauses) for clauses in _edited_clauses(left, right)]
    if any(edit.numbers for edit in edits):
        return "正文中的数值不同"
    titles = difference(left.words, right.words)
    alike = sum(_goes_with(titles, edit) for edit in edits)
    if titles.words and (alike or not _reworded(titles, left, right)):
        return f"名称中的“{titles.left[0]}”与“{titles.right[0]}”不同"
    if alike >= REPEATED:
        return f"名称和正文都多出“{(titles.left or titles.right)[0]}”"
    replaced = Counter(word for edit in edits if edit.words for word in {*edit.left, *edit.right})
    # One word replaced again and again is another object, not a correction.
    repeated = sorted(word for word, times in replaced.items() if times > 1)
    if len(repeated) > 1:
        return f"正文中的“{repeated[0]}”等用词不同"
    return None


def difference(left: Sequence[str], right: Sequence[str]) -> Difference:
    """Runs of tokens that only one side has; what has only moved does not count.

    >>> difference(list("冬小麦播种"), list("玉米播种"))
    Difference(left=('冬小麦',), right=('玉米',))
    """
    only_left, only_right = Counter(left) - Counter(right), Counter(right) - Counter(left)
    left_runs: list[str] = []
    right_runs: list[str] = []
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag != "equal":
            left_runs.append(_kept(left[i:i_end], only_left))
            right_runs.append(_kept(right[j:j_end], only_right))
    return Difference(tuple(filter(None, left_runs)), tuple(filter(None, right_runs)))


def reason(left: Profile, right: Profile, measures: Measures) -> str:
    """The measures in a sentence for people."""
    parts = [_title_reason(left, right, measures), _text_reason(left, right, measures)]
    if left.traditional != right.traditional:
        parts.append("一条是繁体")
    return "；".join(parts)


def exact_reason(left: Profile, right: Profile) -> str:
    """How two documents with the same digest differ."""
    one, other = left.document, right.document
    if (one.title, one.text) == (other.title, other.text):
        return "名称和正文完全相同" if one.text.strip() else "名称完全相同，两条都没有正文"
    if left.traditional != right.traditional:
        return "繁简不同，其余相同"
    return "只有标点、空格、序号、大小写或全半角不同"


def _kept(run: Sequence[str], only: Counter[str]) -> str:
    kept = []
    for token in run:
        if only[token] > 0:
            only[token] -= 1
            kept.append(token)
    return "".join(kept)


def _has_number(words: Iterable[str]) -> bool:
    return any(character.isdigit() for word in words for character in word)


def _goes_with(titles: Difference, clauses: Difference) -> bool:
    """The clauses differ in the very words in which the titles do."""
    both = titles.left + titles.right
    return bool(both) and {*titles.left} <= {*clauses.left} and {*titles.right} <= {*clauses.right}


def _reworded(titles: Difference, left: Profile, right: Profile) -> bool:
    """Two titles name one thing in other words: the text tells it in one title's words.

    Where it tells both, the text has two objects, each with a title of its own; where it tells
    neither, it is a template that fits any object.
    """
    told = _told(titles.left, left, right), _told(titles.right, right, left)
    likeness = _dice(Counter(left.words), Counter(right.words))
    return any(told) and likeness >= (CLOSE_TITLE if all(told) else REWORDED_TITLE)


def _told(words: Sequence[str], owner: Profile, other: Profile) -> bool:
    """``other``'s text speaks of all the words that only ``owner``'s title has."""
    title = "".join(owner.words)
    for word in words:
        forms = [word]
        if len(word) == 1:  # a letter alone is in any text: take it with a neighbour
            at = title.find(word)
            forms = [title[i : i + 2] for i in (at - 1, at) if i >= 0 and i + 2 <= len(title)]
        if not any(form in other.body for form in forms):
            return False
    return True


def _edited_clauses(left: Profile, right: Profile) -> list[tuple[list[str], list[str]]]:
    """Clauses of one text beside the clauses of the other that they seem to be edited from."""
    # A clause that stands in the other text, if only as a part, is not edited but cut.
    mine = [c for c in left.clauses if c not in right.body][:DIFFERING]
    theirs = [c for c in right.clauses if c not in left.body][:DIFFERING]
    cut = [tokens(clause[:LONGEST_CLAUSE]) for clause in theirs]
    bags = [_without_values(clause) for clause in cut]
    pairs = []
    for clause in mine:
        words = tokens(clause[:LONGEST_CLAUSE])
        bag = _without_values(words)
        shares = [_dice(bag, other) for other in bags]
        best = max(shares, default=0.0)
        if best >= SAME_CLAUSE:
            pairs.append((words, cut[shares.index(best)]))
    return pairs


def _without_values(words: Sequence[str]) -> Counter[str]:
    return Counter("0" if word[0].isdigit() else word for word in words)


def _dice(left: Counter[str], right: Counter[str]) -> float:
    both = left.total() + right.total()
    return 2 * (left & right).total() / both if both else 0.0


def _title_reason(left: Profile, right: Profile, measures: Measures) -> str:
    if measures.same_title:
        return "名称相同"
    if measures.title == 1.0:
        return "名称只差通用词或词序"
    titles = difference(left.words, right.words)
    if titles.words:
        return f"名称相近（“{titles.left[0]}”与“{titles.right[0]}”不同）"
    extra = "、".join(f"“{word}”" for word in titles.left + titles.right)
    return f"名称相近（一条多出{extra}）"


def _text_reason(left: Profile, right: Profile, measures: Measures) -> str:
    if measures.texts == 0:
        return "两条都没有可比的正文"
    if measures.texts == 1:
        return "一条没有正文"
    if left.body == right.body:
        return "正文相同"
    if measures.reordered:
        return "正文只是语句顺序不同"
    if measures.length_ratio < 0.85 and measures.containment > 0.8:
        return f"正文是另一条的删节：{measures.containment:.0%} 包含在内"
    if measures.equal >= 0.5:
        return f"正文 {measures.equal:.0%} 的语句相同"
    return f"正文 {measures.jaccard:.0%} 的字句重合"
