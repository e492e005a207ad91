"""Wire schemas of the API, and their conversion from domain values."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.cards import CardOut, QuoteOut, Side, card_fields
from api.wire import Wire as Wire
from corpus.confidentiality import HIDDEN, Role, hidden_fields, masked
from corpus.languages import field_languages
from corpus.model import Achievement, Amount, Confidentiality, Kind, Record
from matcher.answer import Answer, Shown
from matcher.card import summary_line
from matcher.engine import Match
from matcher.explain import Span
from matcher.features import FEATURES
from matcher.glosses import glosses
from matcher.next_routes import NextRoute, RouteName
from matcher.query import Query
from matcher.scoring import PART_LABELS, Level, ScoringModel

Field_ = Literal["title", "text"]


class AmountOut(Wire):
    """Money in 万元; a missing bound is open."""

    min_wan: float | None
    max_wan: float | None
    negotiable: bool
    label: str = Field(description="For people.", examples=["100–200 万元", "面议"])

    @classmethod
    def of(cls, amount: Amount | None) -> AmountOut | None:
        if amount is None:
            return None
        return cls(
            min_wan=amount.min_wan,
            max_wan=amount.max_wan,
            negotiable=amount.negotiable,
            label=amount.label,
        )


class RecordOut(Wire):
    """An achievement 成果 or a need 需求."""

    id: str = Field(description="Stable id within the kind.", examples=["SA1001"])
    kind: Kind
    title: str
    text: str
    technology_field: str | None
    industry: str | None
    organisation: str | None
    region: str | None = Field(description="Region of the owner, e.g. 北京.")
    language: str = Field(description="ISO 639-1 code.", examples=["zh", "ja", "ko"])
    cooperation: list[str]
    published_on: date | None
    valid_until_on: date | None
    maturity: str | None = Field(default=None, description="Achievements only.")
    trl: tuple[int, int] | None = Field(
        default=None, description="Readiness levels 1–9 the maturity usually stands for."
    )
    intellectual_property: str | None = Field(default=None, description="Achievements only.")
    county: str | None = Field(default=None, description="Needs only: Tangshan county.")
    confidentiality: Confidentiality
    hidden: list[str] = Field(description="Fields that the role asking may not see.")
    suggested: dict[str, str] = Field(description="Guessed from the text, for empty fields.")
    budget: AmountOut | None = Field(default=None, description="Needs only.")
    price: AmountOut | None = Field(default=None, description="Achievements only.")

    @classmethod
    def of(cls, full: Record, role: Role) -> RecordOut:
        """The record as ``role`` may see it."""
        record, hidden = masked(full, role), hidden_fields(full, role)
        achievement = record if isinstance(record, Achievement) else None
        need = None if isinstance(record, Achievement) else record
        owner = record.organisation
        return cls(
            id=record.key,
            kind=record.kind,
            title=record.title,
            text=record.body,
            technology_field=record.technology_field or None,
            industry=record.industry or None,
            organisation=owner.name if owner else None,
            region=(owner.region or None) if owner else None,
            language=record.language,
            cooperation=list(record.cooperation),
            published_on=record.published_on,
            valid_until_on=record.valid_until_on,
            maturity=achievement.maturity.value if achievement and achievement.maturity else None,
            trl=achievement.maturity.trl if achievement and achievement.maturity else None,
            intellectual_property=(achievement.intellectual_property or None)
            if achievement
            else None,
            county=(need.county or None) if need else None,
            confidentiality=record.confidentiality,
            hidden=sorted(hidden - {"contacts", "extra"}),
            suggested=dict(record.suggested),
            budget=AmountOut.of(need.budget) if need else None,
            price=AmountOut.of(achievement.price) if achievement else None,
        )


class GlossOut(Wire):
    """A foreign word of a quote and its usual Chinese name."""

    word: str = Field(examples=["触媒"])
    chinese: str = Field(examples=["催化剂"])


class SpanOut(Wire):
    """A piece of the original text: ``quote`` is ``<field>[start:end]``."""

    field: Field_
    start: int
    end: int
    quote: str
    glosses: list[GlossOut] = Field(
        default_factory=list, description="Of a sentence that is not Chinese; the quote stays."
    )

    @property
    def glossed(self) -> str:
        """The quote for people, Chinese names of foreign words behind it."""
        named = "，".join(f"{one.word}＝{one.chinese}" for one in self.glosses)
        return f"{self.quote}（{named}）" if named else self.quote

    @classmethod
    def sentence(cls, span: Span, side: Query, hidden: Collection[str]) -> SpanOut:
        """As ``of``, with the Chinese names of foreign words."""
        plain = cls.of(span, side, hidden)
        if span.field in hidden:
            return plain
        languages = dict(
            zip(("title", "text"), field_languages(side.title, side.text), strict=True)
        )
        text = side.title if span.field == "title" else side.text
        found = glosses(text, (span.start, span.end), languages[span.field])
        named = {text[one.start : one.end]: one.chinese for one in found}
        return plain.model_copy(
            update={"glosses": [GlossOut(word=w, chinese=c) for w, c in named.items()]}
        )

    @classmethod
    def of(cls, span: Span, side: Query, hidden: Collection[str]) -> SpanOut:
        """``hidden``: fields of that side that are not shown; a quote of one only says so."""
        if span.field in hidden:
            return cls.model_validate(
                {"field": span.field, "start": 0, "end": len(HIDDEN), "quote": HIDDEN}
            )
        return cls.model_validate(
            {
                "field": span.field,
                "start": span.start,
                "end": span.end,
                "quote": span.of(side.title, side.text),
            }
        )


class TermOut(Wire):
    """A term both sides hold and its part of the lexical score."""

    term: str
    part: float
    key: bool = Field(description="Not a single character nor part of a longer shared term.")
    query_spans: list[SpanOut]
    document_spans: list[SpanOut]


class PartOut(Wire):
    """One feature's part of the score: ``part = weight · (value − reference)``, in log-odds.

    The first, ``start``, is the score of a pair at the references.
    """

    feature: str = Field(examples=["start", "meaning", "typical", "wording"])
    label: str = Field(description="For people.", examples=["意思相近"])
    reason: str = Field(description="What it says, for people.")
    value: float
    weight: float
    reference: float
    part: float

    @classmethod
    def all_of(cls, match: Match, model: ScoringModel) -> list[PartOut]:
        """The parts of a match, which ``model`` made; they add up to its score."""
        named = {feature.name: feature for feature in FEATURES}
        found = []
        for part in match.parts:
            feature, row = named.get(part.feature), model.weights.get(part.feature)
            found.append(
                cls(
                    feature=part.feature,
                    label=PART_LABELS[part.feature],
                    reason=feature.reason if feature else "随便一对被人评过、但无关的需求和成果",
                    value=part.value,
                    weight=row.weight if row else part.part,
                    reference=row.reference if row else 0.0,
                    part=part.part,
                )
            )
        return found


class OtherOut(Wire):
    """A record that is named, not shown."""

    id: str
    title: str
    organisation: str | None

    @classmethod
    def of(cls, full: Record, role: Role) -> OtherOut:
        """The record as ``role`` may see it."""
        record = masked(full, role)
        owner = record.organisation
        return cls(id=record.key, title=record.title, organisation=owner.name if owner else None)


class NextRouteOut(Wire):
    """Where to go with a need that nothing answers."""

    name: RouteName
    sentence: str
    fits: bool = Field(description="A fact of the need speaks for this route.")
    quote: QuoteOut | None = Field(description="What the sentence quotes of the need.")

    @classmethod
    def of(cls, route: NextRoute, need: Side) -> NextRouteOut:
        """``need`` as it is shown."""
        quote = QuoteOut.of(route.span, Kind.NEED, need) if route.span else None
        return cls(name=route.name, sentence=route.sentence, fits=route.fits, quote=quote)


class MatchOut(CardOut):
    """A proposed document with its reasons, and what speaks against it."""

    document: RecordOut
    score: float = Field(description="Log-odds, the sum of the parts; orders the list.")
    parts: list[PartOut]
    chance: float = Field(
        description="1 / (1 + exp(−score)): how likely a technology-transfer officer calls the "
        "pair relevant (较强 or better), 0 to 1."
    )
    level: Level
    recommended: bool = Field(description="The level is 强 or 较强.")
    terms: list[TermOut]
    summary: str = Field(default="", description="For and against, in one line.")
    query_sentence: SpanOut
    document_sentence: SpanOut
    near_copies: list[OtherOut] = Field(
        default_factory=list,
        description="Records that say nearly the same and passed the filters: not listed apart.",
    )
    moved: int = Field(
        default=0,
        description="Places it was moved down (or, below 0, up), since an institution takes only "
        "so many of the first.",
    )

    @property
    def in_favour(self) -> str:
        """What speaks for the pair in one line: a requirement that is met, else common words."""
        if self.met is not None:
            met = self.counted("满足")
            return f"{self.met.sentence}{f'（共满足 {met} 项指标）' if met > 1 else ''}"
        words = "、".join(term.term for term in self.key_terms[:5])
        return f"共同的词：{words}。" if words else "没有共同的词，按语义相近提出。"

    @property
    def key_terms(self) -> list[TermOut]:
        """The shared terms to show first, by falling part."""
        return [term for term in self.terms if term.key]

    @classmethod
    def of(
        cls,
        shown: Shown,
        query: Query,
        source: Record | None,
        role: Role,
        model: ScoringModel,
    ) -> MatchOut:
        """``source`` is the record that asked, in full; None for free text."""
        match = shown.match
        hidden = hidden_fields(source, role) if source else frozenset[str]()
        document = Query.of(match.document.record)
        closed = hidden_fields(match.document.record, role)
        reasons = match.explanation
        terms = [
            TermOut(
                term=term.term,
                part=term.part,
                key=term.key,
                query_spans=[SpanOut.of(s, query, ()) for s in asked],
                document_spans=[SpanOut.of(s, document, ()) for s in held],
            )
            for term in reasons.terms
            # A word that stands in hidden text alone would tell what that says.
            if (asked := [s for s in term.query_spans if s.field not in hidden])
            and (held := [s for s in term.document_spans if s.field not in closed])
        ]
        return cls(
            **card_fields(
                shown.card,
                masked(source, role) if source else query.title,
                masked(match.document.record, role),
            ),
            near_copies=[OtherOut.of(one.record, role) for one in shown.near_copies],
            moved=shown.moved,
            document=RecordOut.of(match.document.record, role),
            score=match.score,
            parts=PartOut.all_of(match, model),
            chance=match.chance,
            level=match.level,
            recommended=match.level in (Level.GOOD, Level.STRONG),
            terms=terms,
            summary=summary_line(shown.card, [term.term for term in terms if term.key]),
            query_sentence=SpanOut.sentence(reasons.query_sentence, query, hidden),
            document_sentence=SpanOut.sentence(reasons.document_sentence, document, closed),
        )


class RankingOut(Wire):
    """Matches in order. An empty list means that nothing is good enough."""

    source: RecordOut | None = Field(description="The record asked for; null for free text.")
    query: str
    target: Kind
    eligible: int = Field(description="Records that passed the filters; all were scored.")
    recall: Literal["exact"] = Field(
        default="exact", description="No record that passed the filters was left unscored."
    )
    shelved: int = Field(
        description="Records left out of these: the pair was dismissed, and nothing changed since."
    )
    matches: list[MatchOut]
    problems: list[str] = Field(description="Paths of the search that could not answer.")
    set_back: list[OtherOut] = Field(
        default_factory=list,
        description="Good matches behind the end of the list, since their institution has its "
        "places already.",
    )
    next_routes: list[NextRouteOut] = Field(
        default_factory=list, description="Where to go with a need that nothing answers."
    )

    @classmethod
    def of(cls, answer: Answer, role: Role, source: Record | None = None) -> RankingOut:
        """The answer as ``role`` may see it; ``source`` is the record that asked."""
        ranking = answer.ranking
        shown = RecordOut.of(source, role) if source else None
        side = masked(source, role) if source else ranking.query.title
        return cls(
            source=shown,
            query=shown.title if shown else ranking.query.title,
            target=ranking.target,
            eligible=ranking.eligible,
            shelved=ranking.shelved,
            matches=[
                MatchOut.of(one, ranking.query, source, role, ranking.model) for one in answer.shown
            ],
            problems=list(ranking.problems),
            set_back=[OtherOut.of(one.record, role) for one in answer.set_back],
            next_routes=[NextRouteOut.of(route, side) for route in answer.routes],
        )


class RecordPage(Wire):
    """A page of records in order of entry."""

    total: int
    offset: int
    limit: int
    records: list[RecordOut]


class IndexState(Wire):
    """How one index stands to the database.

    ``current``: it answers in full; a small ``lag`` joins it at the next query.
    """

    kind: Kind
    state: Literal["current", "stale", "missing", "damaged"]
    detail: str
    documents: int
    rows: int
    segments: int = Field(description="Parts the index consists of; many are merged.")
    tombstones: int = Field(description="Removed documents still in its files.")
    stale: int = Field(
        description="Documents segmented or embedded by another dictionary or model."
    )
    lag: int = Field(description="Records added, changed or removed since, not yet in the index.")
    built_at: str | None
    encoder: str | None


class Readiness(Wire):
    """Whether searches are answered in full; ``problems`` says why not."""

    ready: bool
    problems: list[str]


class Health(Wire):
    status: Literal["ok"] = "ok"
    version: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
