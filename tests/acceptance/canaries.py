"""A corpus whose closed parts hold words that stand nowhere else, and who may read each of them.

Who may read what is written down here by hand and not taken from ``corpus.confidentiality``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from corpus.confidentiality import Role
from corpus.model import Kind
from eval.bench.made_files import write_csv

EVERYBODY = frozenset(Role)
ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
INSIDE = EVERYBODY - {Role.INSTITUTION, Role.GUEST}
WITH_CONTACTS = frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.ORGANISER})

PUBLIC_TITLE = {Kind.NEED: "钢渣微粉活性低", Kind.ACHIEVEMENT: "钢渣微粉活化技术"}
PUBLIC_TEXT = "转炉钢渣磨细后用作水泥掺合料，希望提高早期活性。"
SECRET_REGION, SECRET_FIELD, OPEN_FIELD = "天津", "海洋技术", "新材料"


@dataclass(frozen=True, slots=True)
class Canary:
    """A word, where it was put, and the roles that may see it."""

    word: str
    place: str
    readers: frozenset[Role]

    def is_in(self, output: str) -> bool:
        """Whether it stands in an output, made ``readable``."""
        if self.word not in output:
            return False
        # 43217 must not be found in 0.9432178, nor in a token that happens to hold it
        return not self.word.isdigit() or bool(
            re.search(rf"(?<![0-9a-z_.-]){self.word}(?![0-9a-z_-])", output)
        )


def readable(output: str) -> str:
    """An output as ``Canary.is_in`` takes it: also with tags and blanks gone."""
    plain = re.sub(r"<[^<>]*>", "", output)
    return "\n".join((output, plain, "".join(plain.split()))).lower()


Cells = Mapping[str, tuple[str, str, str]]
"""Column → (target of the profile, its level or '', what stands in the cell)."""


class Corpus:
    """Records of one kind, each a file with a profile of its own, and the canaries in them."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.sign = "n" if kind is Kind.NEED else "a"
        self.canaries: list[Canary] = []
        self.files: dict[str, Cells] = {}
        self._count = 0
        for fill in (self._open, self._closed_as_a_whole, self._closed_fields, self._rest):
            fill()

    @property
    def keys(self) -> list[str]:
        return list(self.files)

    def write(self, folder: Path, keys: Iterable[str] | None = None) -> list[tuple[Path, Path]]:
        """The tables and their profiles; ``keys`` for some of the records only."""
        return [self._write(folder, key) for key in (self.keys if keys is None else keys)]

    def _write(self, folder: Path, key: str) -> tuple[Path, Path]:
        cells = self.files[key]
        lines = [f'name = "{key}"\nkind = "{self.kind.value}"\n[columns]']
        for name, (target, level, _) in cells.items():
            extra = f', level = "{level}"' if level else ""
            lines += [f'"{name}" = {{ to = "{target}"{extra} }}'] if target else []
        profile = folder / f"{key}.toml"
        profile.write_text("\n".join(lines) + "\n", "utf-8")
        table = [list(cells), [value for _, _, value in cells.values()]]
        return write_csv(folder / f"{key}.csv", table), profile

    # -- putting canaries ------------------------------------------------------------------

    def _word(self, place: str, readers: frozenset[Role]) -> str:
        self._count += 1
        return self._value(f"kenar{self.sign}{self._count:02}q", place, readers)

    def _phone(self, place: str, readers: frozenset[Role]) -> str:
        self._count += 1
        number = f"1397{'1' if self.sign == 'n' else '2'}00{self._count:04}"
        return self._value(number, place, readers)

    def _value(self, value: str, place: str, readers: frozenset[Role]) -> str:
        self.canaries.append(Canary(value, f"{self.kind.label} {place}", readers))
        return value

    def _amount(self, last: int, place: str, readers: frozenset[Role]) -> str:
        return self._value(f"{7 if self.sign == 'n' else 8}{last}", place, readers)

    def _indicator(self, last: int, place: str, readers: frozenset[Role]) -> str:
        """A sentence with a number that the indicator check reads and quotes."""
        value = self._amount(last, place, readers)
        if self.kind is Kind.NEED:
            return f"希望抗压强度不低于{value} MPa。"
        return f"抗压强度达到{value} MPa。"

    def _add(self, name: str, cells: Cells) -> None:
        key = f"{self.sign.upper()}-{name}"
        both: dict[str, tuple[str, str, str]] = {"编号": ("key", "", key)}
        targets = [target for target, _, _ in cells.values()]
        if "title" not in targets:
            both["名称"] = ("title", "", PUBLIC_TITLE[self.kind])
        if "text" not in targets:
            both["正文"] = ("text", "", PUBLIC_TEXT)
        self.files[key] = {**both, **cells}

    @property
    def _money(self) -> str:
        return "budget" if self.kind is Kind.NEED else "price"

    # -- the records -----------------------------------------------------------------------

    def _open(self) -> None:
        contact, phone = WITH_CONTACTS, self._phone
        text = (
            f"{PUBLIC_TEXT}联系人：王工，电话：{phone('text: phone', contact)}。"
            f"资料请发{self._word('text: mail', contact)}@example.com。"
            f"微信号：{self._word('text: chat', contact)}。"
        )
        named = f"技术对接，电话：{phone('title: phone', contact)}"
        own = (
            {"专利": ("intellectual_property", "", f"已授权，电话：{phone('patent', contact)}")}
            if self.kind is Kind.ACHIEVEMENT
            else {"县区": ("county", "", f"迁安市 电话：{phone('county', contact)}")}
        )
        cells = {
            "名称": ("title", "", f"{PUBLIC_TITLE[self.kind]}，{named}"),
            "正文": ("text", "", text),
            "联系人": ("contact_person", "", self._word("column: person", contact)),
            "联系电话": ("phone", "", phone("column: phone", contact)),
            "邮箱": ("mail", "", f"{self._word('column: mail', contact)}@example.com"),
            "单位": ("organisation", "", f"甲公司（示例）电话：{phone('organisation', contact)}"),
            "合作方式": ("cooperation", "", f"技术转让，电话：{phone('cooperation', contact)}"),
            "行业": ("industry", "", f"钢铁 电话：{phone('industry', contact)}"),
            "技术领域": ("technology_field", "", f"{OPEN_FIELD} 电话：{phone('field', contact)}"),
            # Columns that no profile names.
            "备注": ("", "", self._word("extra", INSIDE)),
            "走访": ("", "", f"十月，电话 {phone('extra: phone', contact)}，可再约"),
            "联络员手机": ("", "", phone("extra, called a contact: phone", contact)),
            "企业联络人": ("", "", self._word("extra, called a contact: person", contact)),
        }
        self._add("OPEN", {**cells, **own})
        self._add(
            "PLAIN",
            {
                "单位": ("organisation", "", "乙公司（示例）"),
                "技术领域": ("technology_field", "", OPEN_FIELD),
            },
        )

    def _closed_as_a_whole(self) -> None:
        for level, readers, contacts, last in (
            ("内部", INSIDE, WITH_CONTACTS, 3211), ("保密", ADMINISTRATOR, ADMINISTRATOR, 3212),
        ):  # fmt: skip
            at, word = f"record {level}: ", self._word
            cells = {
                "密级": ("confidentiality", "", level),
                "名称": ("title", "", f"{PUBLIC_TITLE[self.kind]} {word(at + 'title', readers)}"),
                "正文": (
                    "text", "", f"{PUBLIC_TEXT}{word(at + 'text', readers)}，"
                    f"{self._indicator(last + 1000, at + 'text: indicator', readers)}"
                    f"电话：{self._phone(at + 'text: phone', contacts)}。",
                ),
                "单位": ("organisation", "", f"{word(at + 'organisation', readers)}（示例）"),
                "地区": ("region", "", SECRET_REGION),
                "行业": ("industry", "", word(at + "industry", readers)),
                "合作方式": ("cooperation", "", word(at + "cooperation", readers)),
                "金额": (self._money, "", self._amount(last, at + "amount", readers)),
                "备注": ("", "", word(at + "extra", readers)),
                "联系人": ("contact_person", "", word(at + "person", contacts)),
            }  # fmt: skip
            if self.kind is Kind.ACHIEVEMENT:
                cells["专利"] = ("intellectual_property", "", word(at + "patent", readers))
            self._add("INSIDE" if level == "内部" else "SECRET", cells)

    def _closed_fields(self) -> None:
        year = 2031 if self.kind is Kind.NEED else 2033
        word, value, secret = self._word, self._value, ADMINISTRATOR
        period = (
            f"{value(f'{year}-04-05', 'field: valid from', secret)}至"
            f"{value(f'{year}-06-07', 'field: valid until', secret)}"
        )
        own = (
            {"县区": ("county", "保密", "玉田县")}
            if self.kind is Kind.NEED
            else {
                "专利": ("intellectual_property", "内部", word("field: patent", INSIDE)),
                "成熟度": ("maturity", "保密", "可以量产"),
            }
        )
        cells = {
            "正文": (
                "text", "保密",
                f"{self._indicator(4213, 'field: text: indicator', secret)}"
                f"{word('field: text', secret)}，电话：{self._phone('field: text: phone', secret)}",
            ),
            "单位": ("organisation", "保密", f"{word('field: organisation', secret)}（示例）"),
            "地区": ("region", "", SECRET_REGION),
            "技术领域": ("technology_field", "保密", SECRET_FIELD),
            "行业": ("industry", "内部", word("field: industry", INSIDE)),
            "合作方式": ("cooperation", "保密", word("field: cooperation", secret)),
            "发布": ("published_on", "内部", value(f"{year}-02-03", "field: published", INSIDE)),
            "有效期": ("period", "保密", period),
            "电话": ("phone", "保密", self._phone("field: phone", secret)),
            "附注": ("extra", "保密", word("field: extra", secret)),
            "金额": (self._money, "保密", self._amount(3213, "field: amount", secret)),
        }  # fmt: skip
        self._add("FIELDS", {**cells, **own})

    def _rest(self) -> None:
        word, secret = self._word, ADMINISTRATOR
        levels = f"新材料-{word('field: second level', secret)}"
        self._add("TAXONOMY", {"技术领域": ("technology_field", "保密", levels)})
        self._add("TITLE1", {"名称": ("title", "内部", f"{word('title 内部', INSIDE)}的活化")})
        self._add("TITLE2", {"名称": ("title", "保密", f"{word('title 保密', secret)}的活化")})
        # Parts of one text at two levels: the more closed one counts, in either order.
        for name, order in (("IC", ("内部", "保密")), ("CI", ("保密", "内部"))):
            parts = {f"部分{n}": ("text", level, word(f"two levels {name} {level}", secret))
                     for n, level in enumerate(order)}  # fmt: skip
            self._add(name, parts)
        surplus = {"另名": ("title", "保密", word("a second title, 保密", secret))}
        self._add("SURPLUS", {"名称": ("title", "", PUBLIC_TITLE[self.kind]), **surplus})


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair that somebody judges in the test, by the ends of the two keys."""

    name: str
    rater: str
    note: str


RATER = Canary("kenarf01q", "feedback: rater", INSIDE)
NOTE = Canary("kenarf02q", "feedback: note", INSIDE)
NOTE_PHONE = Canary("13973000001", "feedback: note: phone", WITH_CONTACTS)
NOTE_INSIDE = Canary("kenarf03q", "feedback: note on 内部", INSIDE)
NOTE_SECRET = Canary("kenarf04q", "feedback: note on 保密", ADMINISTRATOR)
NOTE_FIELD = Canary("kenarf05q", "feedback: note on a text at 保密", ADMINISTRATOR)
FEEDBACK = [RATER, NOTE, NOTE_PHONE, NOTE_INSIDE, NOTE_SECRET, NOTE_FIELD]
JUDGED = [
    Judged("PLAIN", RATER.word, f"{NOTE.word}，联系电话：{NOTE_PHONE.word}，下周再约"),
    Judged("OPEN", "李工", ""),
    Judged("INSIDE", "李工", NOTE_INSIDE.word),
    Judged("SECRET", "李工", NOTE_SECRET.word),
    Judged("FIELDS", "李工", NOTE_FIELD.word),
    *(Judged(name, "李工", "") for name in ("TAXONOMY", "TITLE1", "TITLE2", "IC", "CI", "SURPLUS")),
]
"""Two raters disagree about each: the agreement names it."""
