"""Loading a file: choose its profiles, read, clean, write, report. One transaction a profile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from sqlmodel import Session

from api.clock import TIME_ZONE, now_at
from api.exports.failed_rows import REASON_COLUMN, failed_rows
from api.services import Services
from corpus.fields import suggest_many
from corpus.history import History
from corpus.importing.guessing import Guess, guess_kind, guess_profile
from corpus.importing.loading import ImportReport, Origin, import_rows
from corpus.importing.profiles import Profile, ProfileError, choose_profiles, header_rules
from corpus.importing.readers import Limits, Row, Table, open_table
from corpus.importing.rows import converter
from corpus.mapping import SUGGESTED
from corpus.model import Kind, Record
from corpus.repository import CorpusRepository

SAMPLE_ROWS = 50
_USUAL_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is loaded."""

    sheet: str | None = None
    """Sheet of a workbook; None for the first that holds anything."""
    source: str | None = None
    """Where the records come from; None for the profile's own."""
    split: bool = False
    """Cut rows that hold several needs."""
    full: bool = False
    """The file lists all the source has; what it lacks is delisted."""
    dry_run: bool = False
    """Say what would happen, and leave no trace."""
    who: str = ""
    file_name: str = ""
    """What the file is called in the history; empty for its name on disk."""
    limits: Limits = _USUAL_LIMITS


@dataclass(frozen=True, slots=True)
class FileReport:
    """What loading one file by one profile did; ``failed_file`` holds the refused rows.

    ``unknown`` are columns that nobody named: they are kept as read, but nothing uses them.
    """

    file: Path
    profile: Profile
    detail: str
    report: ImportReport
    failed_file: Path | None
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file seems to be: profiles that fit, or a guess that may have questions."""

    profiles: Sequence[Profile]
    guess: Guess | None


def recognise(path: Path, kind: Kind | None, sheet: str | None = None) -> Recognised:
    """Look at the header and some rows of a file.

    Raises:
        ImportFileError: it cannot be read.
        ProfileError: its kind is not given and cannot be told from the header.
    """
    table, sample = _sampled(path, sheet)
    if profiles := choose_profiles(table.header, kind):
        return Recognised(profiles, None)
    kind = kind or guess_kind(table.header)
    if kind is None:
        shown = "、".join(table.header[:12])
        raise ProfileError(
            f"看不出 {path.name} 里是成果还是需求（表头：{shown}）。"
            "请加上 --kind achievements（成果）或 --kind needs（需求）。"
        )
    return Recognised((), guess_profile(kind, table.header, sample))


def import_file(
    services: Services,
    path: Path,
    profile: Profile,
    options: ImportOptions = ImportOptions(),
    *,
    failed_file: Path | None = None,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
    corrected: Callable[[Iterator[Row]], Iterator[Row]] = lambda rows: rows,
    finish: Callable[[Session, FileReport], None] = lambda _session, _report: None,
) -> FileReport:
    """Load a file by a profile.

    ``failed_file`` is where refused rows go, on a dry run too. ``progress`` is called with rows
    read and, where it is known, rows in all. ``corrected`` may change rows on their way;
    ``finish`` notes more in the transaction of the import.

    Raises:
        ImportFileError: the file cannot be read; nothing was written.
        ProfileError: it cannot be a full list; nothing was written.
    """
    if options.source is not None:
        profile = replace(profile, source=options.source.strip())
    table = open_table(path, options.sheet, options.limits)
    if options.full:
        _check_full(profile, table)
    moment = now_at()
    origin = Origin(
        kind=profile.kind,
        file_name=options.file_name or path.name,
        file_sha256=_sha256(path),
        source=profile.source,
        profile=profile.name,
        who=options.who,
        full=options.full,
    )
    target = failed_file or path.with_name(f"{path.stem}-失败的行.xlsx")
    with (
        failed_rows(target, table.header) as refused,
        services.writing(commit=not options.dry_run) as session,
    ):
        report = import_rows(
            CorpusRepository(session),
            History(session),
            origin,
            corrected(table.rows),
            converter(profile, moment.astimezone(TIME_ZONE).date(), split=options.split),
            moment,
            enrich=suggest_fields,
            progress=lambda done: progress(done, table.row_total),
            on_failed=refused.add,
        )
        failed = target if refused.count else None
        unknown = unknown_columns(profile, table.header)
        done = FileReport(path, profile, table.detail, report, failed, unknown)
        finish(session, done)
    if report.rows:
        # The sheet's last row counts its header and blank rows too.
        progress(report.rows, report.rows)
    return done


def unknown_columns(profile: Profile, header: Sequence[str]) -> list[str]:
    """Columns that nobody named: they are kept as read."""
    rules = header_rules(profile, header).items()
    return [name for name, rule in rules if rule.target == "extra" and name not in profile.columns]


def _check_full(profile: Profile, table: Table) -> None:
    if not profile.source:
        raise ProfileError(
            "--full 要知道是谁的完整清单，否则所有没有来源的记录都会被当作已下架。"
            "请加上 --source 来源名称，或在列对照表里写 source。"
        )
    if REASON_COLUMN in table.header:
        raise ProfileError(
            f"{table.name} 是上次失败的行，不是完整清单，不能用 --full。请去掉 --full 再导入。"
        )


def suggest_fields(records: Sequence[Record]) -> list[Record]:
    """Records with suggestions for their empty fields."""
    lacking = [record for record in records if not all(getattr(record, n) for n in SUGGESTED)]
    found = suggest_many([(record.title, record.text) for record in lacking])
    suggested = {}
    for record, guess in zip(lacking, found, strict=True):
        values = {
            name: value
            for name in SUGGESTED
            if not getattr(record, name) and (value := getattr(guess, name))
        }
        suggested[record.key] = replace(record, suggested=values)
    return [suggested.get(record.key, record) for record in records]


def _sampled(path: Path, sheet: str | None) -> tuple[Table, list[dict[str, object]]]:
    table = open_table(path, sheet)
    first = list(islice(table.rows, SAMPLE_ROWS))
    rows = chain(first, table.rows)
    return replace(table, rows=rows), [dict(row.cells) for row in first]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
