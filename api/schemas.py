"""Wire schemas of the API, and their conversion from domain values."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from corpus.confidentiality import HIDDEN, Role, hidden_fields, masked
from corpus.model import Achievement, Amount, Confidentiality, Kind, Record
from matcher.engine import Match, Ranking
from matcher.explain import Span
from matcher.features import FEATURES
from matcher.query import Query
from matcher.scoring import Level, ScoringModel

Field_ = Literal["title", "text"]


class Wire(BaseModel):
    """Base: unknown fields are an error, values are never changed after the conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class SpanOut(Wire):
    """A piece of the original text: ``quote`` is ``<field>[start:end]``."""

    field: Field_
    start: int
    end: int
    quote: str

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
                    label=feature.label if feature else "起点",
                    reason=feature.reason if feature else "随便一对被人评过、但无关的需求和成果",
                    value=part.value,
                    weight=row.weight if row else part.part,
                    reference=row.reference if row else 0.0,
                    part=part.part,
                )
            )
        return found


class MatchOut(Wire):
    """A proposed document with its reasons."""

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
    query_sentence: SpanOut
    document_sentence: SpanOut

    @property
    def key_terms(self) -> list[TermOut]:
        """The shared terms to show first, by falling part."""
        return [term for term in self.terms if term.key]

    @classmethod
    def of(
        cls,
        match: Match,
        query: Query,
        hidden: Collection[str],
        role: Role,
        model: ScoringModel,
    ) -> MatchOut:
        """``hidden``: fields of the asking record that ``role`` may not see."""
        document = Query.of(match.document.record)
        closed = hidden_fields(match.document.record, role)
        reasons = match.explanation
        return cls(
            document=RecordOut.of(match.document.record, role),
            score=match.score,
            parts=PartOut.all_of(match, model),
            chance=match.chance,
            level=match.level,
            recommended=match.level in (Level.GOOD, Level.STRONG),
            terms=[
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
            ],
            query_sentence=SpanOut.of(reasons.query_sentence, query, hidden),
            document_sentence=SpanOut.of(reasons.document_sentence, document, closed),
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

    @classmethod
    def of(cls, ranking: Ranking, role: Role, source: Record | None = None) -> RankingOut:
        """The ranking as ``role`` may see it; ``source`` is the record that asked."""
        shown = RecordOut.of(source, role) if source else None
        hidden = hidden_fields(source, role) if source else frozenset()
        return cls(
            source=shown,
            query=shown.title if shown else ranking.query.title,
            target=ranking.target,
            eligible=ranking.eligible,
            shelved=ranking.shelved,
            matches=[
                MatchOut.of(match, ranking.query, hidden, role, ranking.model)
                for match in ranking.matches
            ],
            problems=list(ranking.problems),
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
