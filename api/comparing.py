"""A need and achievements side by side: which places answer each other, and the table of facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from api import feedback
from api.cards import CardOut, IndicatorOut, QuoteOut, card_fields
from api.explaining import ExplainOut, Standing, explain_pair
from api.feedback import FeedbackOut
from api.schemas import MatchOut, RecordOut, SpanOut
from api.services import Services
from corpus.confidentiality import HIDDEN, Role, masked
from corpus.model import Kind
from indexer.errors import IndexerError
from matcher.card import CardMaker
from matcher.ranking_models import RankingError
from matcher.repository import FeedbackFilter

MOST = 3
"""Achievements beside one need; more do not fit beside each other."""
COLOURS = 6
_MOST_LINKS = 60
_MOST_TERMS = 8
_MOST_PLACES = 20
"""Of one term on one side."""
_PLACED = 10
"""The list in which ``explain_pair`` looks for its place."""
_DECISIONS = 5

Place = tuple[str, int, int]
"""Field (``title`` or ``text``), start and end."""


@dataclass(frozen=True, slots=True)
class Link:
    """Places of the need and of the achievement that answer each other."""

    number: int
    label: str
    need: tuple[Place, ...]
    achievement: tuple[Place, ...]
    is_sentence: bool = False

    @property
    def colour(self) -> int:
        """1 to ``COLOURS``, the number tells those of one colour apart; a sentence has none (0),
        so that what stands in it can have one."""
        return 0 if self.is_sentence else (self.number - 2) % COLOURS + 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text: the links it is part of, and those whose first place begins here."""

    text: str
    links: tuple[Link, ...] = ()
    first: tuple[Link, ...] = ()

    @property
    def colour(self) -> int | None:
        """Of the narrowest link; the sentence is underlined instead."""
        return next((link.colour for link in reversed(self.links) if link.colour), None)

    @property
    def in_sentence(self) -> bool:
        return any(link.is_sentence for link in self.links)


@dataclass(frozen=True, slots=True)
class Compared:
    """One achievement beside the need."""

    explained: ExplainOut
    links: tuple[Link, ...]
    decisions: tuple[FeedbackOut, ...]
    """The last judgements of the pair, the newest first."""

    @property
    def achievement(self) -> RecordOut:
        return self.explained.achievement

    @property
    def match(self) -> MatchOut | None:
        return self.explained.match

    @property
    def card(self) -> CardOut:
        card = self.explained.match or self.explained.card
        if card is None:
            raise AssertionError("an explained pair has a card")
        return card

    def indicator(self, asked: IndicatorOut) -> IndicatorOut | None:
        """What this achievement says of a requirement of the need."""
        key = _requirement(asked)
        return next((row for row in self.card.indicators if _requirement(row) == key), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A need and up to ``MOST`` achievements, for one reader."""

    need: RecordOut
    compared: tuple[Compared, ...]

    @property
    def requirements(self) -> list[IndicatorOut]:
        """Every requirement of the need that one of the cards has, once."""
        found = {_requirement(row): row for one in self.compared for row in one.card.indicators}
        return list(found.values())


def compare(services: Services, need: str, achievements: Sequence[str], role: Role) -> Comparison:
    """Everything that is known of the pairs of a need.

    Raises:
        UnknownRecordError: one of them is not there, at all or for who asks.
    """
    found = []
    for key in dict.fromkeys(achievements):
        explained = _explained(services, need, key, role)
        where = FeedbackFilter(need=need, achievement=key)
        said = feedback.page(services, where, 0, _DECISIONS, role).entries
        links = tuple(links_of(explained.match, explained.match or explained.card))
        found.append(Compared(explained, links, tuple(said)))
    return Comparison(services.record(Kind.NEED, need, role), tuple(found))


def _explained(services: Services, need_key: str, key: str, role: Role) -> ExplainOut:
    try:
        where = services.record_filter()
        return explain_pair(services, need_key, key, where, _PLACED, role)
    except (IndexerError, RankingError) as error:
        # The two texts can be read and compared while nothing can be ranked.
        with services.repository() as repository:
            need = repository.require(Kind.NEED, need_key).record
            achievement = repository.require(Kind.ACHIEVEMENT, key).record
        [card] = CardMaker(services.today(), role).cards(need, [achievement])
        return ExplainOut(
            need=RecordOut.of(need, role),
            achievement=RecordOut.of(achievement, role),
            standing=Standing.NOT_INDEXED,
            reasons=[str(error)],
            place=None,
            eligible=None,
            match=None,
            card=CardOut(**card_fields(card, masked(need, role), masked(achievement, role))),
            problems=[],
        )


def links_of(match: MatchOut | None, card: CardOut | None) -> list[Link]:
    """Places that answer each other, numbered: the sentences that carry the match, requirements
    and what is stated of them, objections, the kind of similarity, shared words."""
    found: list[_Told] = []
    if match is not None:
        both = _places([match.query_sentence]), _places([match.document_sentence])
        found.append(("最对得上的句子", *both, True))
    if card is not None:
        for row in card.indicators:
            held = _places([row.achievement] if row.achievement else [])
            found.append((f"{row.property}：{row.verdict.value}", _places(row.need), held, False))
        for one in card.objections:
            told = f"{one.severity.value}：{one.code.value}"
            found.append((told, _places(one.need), _places(one.achievement), False))
        alike = card.similarity
        if alike is not None:
            found.append((alike.kind.value, _places(alike.need), _places(alike.achievement), False))
    answering = _joined(found)
    for term in match.key_terms[:_MOST_TERMS] if match is not None else ():
        need, held = _places(term.query_spans), _places(term.document_spans)
        if need and held and not any(_holds(one, need[0], held[0]) for one in answering):
            answering.append((f"共同的词：{term.term}", need, held, False))
    return [Link(number, *one) for number, one in enumerate(answering[:_MOST_LINKS], start=1)]


_Told = tuple[str, tuple[Place, ...], tuple[Place, ...], bool]


def _joined(found: Iterable[_Told]) -> list[_Told]:
    """Those with places on both sides; what is said twice of the same places is one."""
    places: dict[tuple[tuple[Place, ...], tuple[Place, ...], bool], list[str]] = {}
    for label, need, held, is_sentence in found:
        if need and held:
            places.setdefault((need, held, is_sentence), []).append(label)
    return [("；".join(labels), *key) for key, labels in places.items()]


def _holds(told: _Told, need: Place, held: Place) -> bool:
    """Whether a link, but for the sentence, says already that two places answer each other."""
    _, asked, answered, is_sentence = told
    return (
        not is_sentence and any(_in(need, p) for p in asked) and any(_in(held, p) for p in answered)
    )


def _in(inner: Place, outer: Place) -> bool:
    return inner[0] == outer[0] and outer[1] <= inner[1] and inner[2] <= outer[2]


def _places(spans: Iterable[SpanOut | QuoteOut]) -> tuple[Place, ...]:
    """Where they stand in the texts as shown; a hidden text has no places."""
    places = (
        (span.field, span.start, span.end)
        for span in spans
        if span.field in {"title", "text"} and span.start < span.end and span.quote != HIDDEN
    )
    return tuple(sorted(set(places), key=lambda p: (p[0] != "title", p[1], p[2])))[:_MOST_PLACES]


def linked(text: str, field: str, links: Sequence[Link], kind: Kind) -> list[Piece]:
    """``text`` cut wherever a place of a link begins or ends; joined they are the text."""
    spans = [
        (start, min(end, len(text)), link, at == 0)
        for link in links
        for at, (place, start, end) in enumerate(
            link.need if kind is Kind.NEED else link.achievement
        )
        if place == field and start < len(text)
    ]
    cuts = sorted({0, len(text), *(cut for start, end, *_ in spans for cut in (start, end))})
    pieces = []
    for start, end in pairwise(cuts):
        over = [span for span in spans if span[0] <= start and end <= span[1]]
        over.sort(key=lambda span: (span[0] - span[1], span[2].number))  # the widest first
        pieces.append(
            Piece(
                text[start:end],
                tuple(dict.fromkeys(span[2] for span in over)),
                tuple(dict.fromkeys(span[2] for span in over if span[0] == start and span[3])),
            )
        )
    return pieces


def _requirement(row: IndicatorOut) -> tuple[str, str, int]:
    first = row.need[0] if row.need else None
    return row.property, first.field if first else "", first.start if first else 0
