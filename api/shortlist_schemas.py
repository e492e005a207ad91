"""Wire schemas of the shortlists."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.deps import Name
from api.schemas import MatchOut, OtherOut
from api.wire import Wire
from corpus.model import Status
from matcher.scoring import Level
from matcher.shortlist import MOST_ENTRIES, MOST_PEOPLE, Access, Shortlist

AccessName = Literal["none", "read", "edit", "own"]
ShareName = Literal["none", "read", "edit"]
ACCESS: dict[Access, AccessName] = {
    Access.NONE: "none", Access.READ: "read", Access.EDIT: "edit", Access.OWN: "own",
}  # fmt: skip
_BY_NAME = {name: access for access, name in ACCESS.items()}


class SharingOut(Wire):
    """Who may do what beside the owner."""

    everyone: ShareName = Field(description="All accounts that see every record.")
    people: dict[str, ShareName] = Field(description="By name of the account.")


class SharingIn(Wire):
    """Replaces what was shared before."""

    everyone: ShareName = "none"
    people: dict[Name, ShareName] = Field(
        default_factory=dict, description=f"At most {MOST_PEOPLE}."
    )

    @property
    def rights(self) -> tuple[Access, dict[str, Access]]:
        """For everybody, and by name."""
        people = {name: _BY_NAME[right] for name, right in self.people.items()}
        return _BY_NAME[self.everyone], people


class ShortlistOut(Wire):
    """A list without its entries."""

    id: int
    name: str
    owner: str
    note: str
    access: AccessName = Field(description="What the one who asks may do.")
    sharing: SharingOut | None = Field(description="Null: not told to who only reads.")
    count: int = Field(description="Entries, also those that the one who asks may not see.")
    version: int = Field(description="To be sent back with a change.")
    created_at: datetime
    changed_at: datetime
    archived_at: datetime | None

    @classmethod
    def of(cls, found: Shortlist, access: Access, count: int, note: str) -> ShortlistOut:
        """A list for somebody who may do ``access`` with it; ``note`` as he may see it."""
        sharing = SharingOut.model_validate(
            {
                "everyone": ACCESS[found.sharing.everyone],
                "people": {name: ACCESS[a] for name, a in found.sharing.people.items()},
            }
        )
        return cls(
            id=found.id,
            name=found.name,
            owner=found.owner,
            note=note,
            access=ACCESS[access],
            sharing=sharing if access >= Access.EDIT else None,
            count=count,
            version=found.version,
            created_at=found.created_at,
            changed_at=found.changed_at,
            archived_at=found.archived_at,
        )


class ReasonOut(Wire):
    """Why a pair was proposed when it was put into the list, in short."""

    seen_at: datetime
    chance: float
    level: Level
    need: str = Field(description="The sentence of the need.")
    achievement: str = Field(description="The sentence of the achievement that answers it.")
    in_favour: str
    against: str

    @classmethod
    def of(cls, match: MatchOut, seen_at: datetime) -> ReasonOut:
        return cls(
            seen_at=seen_at,
            chance=match.chance,
            level=match.level,
            need=match.query_sentence.quote,
            achievement=match.document_sentence.quote,
            in_favour=match.in_favour,
            against=match.against,
        )


class EntryOut(Wire):
    """A pair of a list that the one who asks may see."""

    id: int
    place: int = Field(description="Among those that the one who asks may see; 1 is the first.")
    need: OtherOut
    achievement: OtherOut
    status: Status = Field(description="Of the achievement.")
    note: str
    added_by: str | None = Field(description="Null: not shown to the role that asks.")
    added_at: datetime
    evidence: int | None = Field(description="What the program said then, frozen.")
    changed: bool = Field(description="One of the two texts has changed since.")
    reason: ReasonOut | None = Field(
        description="Null where nothing was frozen, or the role may not read all of it."
    )


class ShortlistFull(ShortlistOut):
    """A list with its entries in order."""

    entries: list[EntryOut]
    hidden: int = Field(description="Entries that the one who asks may not see, or gone.")


class ShortlistPage(Wire):
    """Lists, the one changed last first."""

    total: int
    offset: int
    limit: int
    shortlists: list[ShortlistOut]


class ShortlistIn(Wire):
    """A new list."""

    name: Name = Field(examples=["钢渣综合利用，三季度"])
    note: Name = Field(default="", examples=["给丰南区的企业看"])


class ShortlistPatch(Wire):
    """What is to change; what is left out stays."""

    version: int = Field(ge=1, description="That of the list as it was read.", examples=[3])
    name: Name | None = Field(default=None, examples=["钢渣综合利用，四季度"])
    note: Name | None = Field(default=None, examples=["已联系"])
    sharing: SharingIn | None = Field(default=None, description="Owners only.")
    archived: Literal[False] | None = Field(
        default=None, description="False takes an archived list back; DELETE archives."
    )


class EntryIn(Wire):
    """A pair to put into a list."""

    need: Name = Field(description="Id of the need.", examples=["SN1001"])
    achievement: Name = Field(description="Id of the achievement.", examples=["SA1001"])
    note: Name = Field(default="", examples=["先问中试数据"])


class EntryPatch(Wire):
    """Another note, another place, or both."""

    version: int = Field(ge=1, description="That of the list as it was read.", examples=[3])
    note: Name | None = Field(default=None, examples=["已电话联系"])
    place: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ENTRIES,
        description="Among those one may see; 1 is the first.",
        examples=[1],
    )
