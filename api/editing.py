"""Changing fields of a record by hand, for the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from api.clock import now_at
from api.deps import storable
from api.schemas import RecordOut
from api.security.visitor import Visitor
from api.services import Services
from api.wire import Wire
from corpus.confidentiality import hidden_fields
from corpus.curation import Curator
from corpus.editing import EditError
from corpus.history import History
from corpus.importing.readers.limits import CELL_LIMIT
from corpus.model import Amount, Confidentiality, Kind, Maturity
from corpus.repository import CorpusRepository

Short = Annotated[str, Field(max_length=200), AfterValidator(storable)]
Cooperation = Annotated[list[Short], Field(max_length=20)]


class ClosedFieldError(EditError):
    """Who may not read a field does not overwrite it."""


class AmountIn(Wire):
    """Money in 万元; a missing bound is open."""

    min_wan: float | None = Field(default=None, ge=0, le=10**9)
    max_wan: float | None = Field(default=None, ge=0, le=10**9)
    negotiable: bool = False

    def amount(self) -> Amount:
        """
        Raises:
            EditError: it says nothing, or its bounds are the wrong way round.
        """
        low, high = self.min_wan, self.max_wan
        if low is not None and high is not None and low > high:
            raise EditError(f"金额的下限 {low:g} 大于上限 {high:g}。")
        if low is None and high is None and not self.negotiable:
            raise EditError("金额要有下限、上限或“面议”；要清空请写 null。")
        return Amount(low, high, self.negotiable)


class _RecordPatch(Wire):
    title: Annotated[str, Field(max_length=CELL_LIMIT), AfterValidator(storable)] | None = None
    text: Annotated[str, Field(max_length=CELL_LIMIT), AfterValidator(storable)] | None = None
    technology_field: Short | None = Field(default=None, examples=["新材料"])
    industry: Short | None = Field(default=None, examples=["黑色金属冶炼和压延加工业"])
    cooperation: Cooperation | None = None
    published_on: date | None = None
    valid_until_on: date | None = None
    confidentiality: Confidentiality | None = None
    reason: Short = Field(
        default="", description="Noted in the history.", examples=["企业来电更正"]
    )

    def changes(self) -> dict[str, Any]:
        """Values of the record's fields that were given, by name."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"reason"}}
        if "confidentiality" in given and given["confidentiality"] is None:
            raise EditError("密级不能为空。")
        return {name: _value(name, value) for name, value in given.items()}


class NeedPatch(_RecordPatch):
    """Fields of a need; those not sent stay as they are."""

    county: Short | None = None
    budget: AmountIn | None = None


class AchievementPatch(_RecordPatch):
    """Fields of an achievement; those not sent stay as they are."""

    maturity: Maturity | None = None
    intellectual_property: Short | None = None
    price: AmountIn | None = None


_MAY_BE_NONE = frozenset({"published_on", "valid_until_on", "maturity", "price", "budget"})


def _value(name: str, value: Any) -> Any:
    if isinstance(value, AmountIn):
        return value.amount()
    if name == "cooperation":
        return tuple(value or ())
    return "" if value is None and name not in _MAY_BE_NONE else value


def change(
    services: Services,
    visitor: Visitor,
    kind: Kind,
    key: str,
    patch: NeedPatch | AchievementPatch,
    check: Callable[[RecordOut], None],
) -> RecordOut:
    """Change a record; ``check`` is asked before with what is there now.

    Raises:
        UnknownRecordError: there is none for whoever asks.
        ClosedFieldError: a field that the role may not read.
        EditError: a value that a field cannot have.
    """
    role = visitor.role
    with services.writing() as session:
        repository = CorpusRepository(session, services.scope)
        before = repository.require(kind, key).record
        check(RecordOut.of(before, role))
        changes = patch.changes()
        if closed := sorted(set(changes) & hidden_fields(before, role)):
            raise ClosedFieldError(
                f"这些内容对“{role.value}”没有公开，不能修改：{'、'.join(closed)}。"
            )
        if changes.get("confidentiality", Confidentiality.PUBLIC).rank > role.clearance.level.rank:
            raise ClosedFieldError(f"“{role.value}”不能把记录设为自己看不到的密级。")
        curator = Curator(repository, History(session), now_at(), visitor.name)
        made = curator.edit(kind, key, changes, patch.reason)
    return RecordOut.of(made, role)
