"""The process that unpacks one workbook.

    python workbook_process.py FILE '{"form": …, "sheet": …, "names": …, "memory_bytes": …, …}'

calamine is compiled code that keeps a sheet as one dense rectangle: a file of a few kilobytes
with one cell in the far corner makes it ask for 550 GB, and a refused allocation ends the whole
process. So it runs here, under limits, never in the process that serves people.

Writes JSON lines: first what is known of the sheet (or {"error": …}), then one list a row (or
{"cut": its cells, shortened} of a row longer than a record may be), then "end". Run by its path,
so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Refuse to grow or run beyond these; where the system cannot (Windows), go without."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def write(value: object) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(value, default=tagged) + "\n")


def tagged(value: object) -> dict[str, Any]:
    """Values JSON does not have, as {kind: value}."""
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"timedelta": value.total_seconds()}
    raise TypeError(type(value).__name__)


def open_workbook(path: str, form: str) -> CalamineWorkbook:
    """By the real kind: given a path, calamine believes the ending."""
    if path.lower().endswith(f".{form}"):
        return CalamineWorkbook.from_path(path)
    with open(path, "rb") as file:  # noqa: PTH123 - nothing but calamine is loaded here
        return CalamineWorkbook.from_filelike(file)


def choose(
    workbook: CalamineWorkbook, wanted: str, *, names_only: bool
) -> tuple[list[str], CalamineSheet | None]:
    """The visible sheets, and the one asked for or else the first that is not empty."""
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in sheets if sheet.visible is SheetVisibleEnum.Visible]
    if names_only:
        return visible, None
    if wanted:
        known = wanted in (sheet.name for sheet in sheets)
        return visible, workbook.get_sheet_by_name(wanted) if known else None
    for name in visible:
        if (sheet := workbook.get_sheet_by_name(name)).height:
            return visible, sheet
    return visible, None


def plain(cell: Any, most: int) -> Any:
    """Whole numbers as int (a sheet has only floats); longer text only to show it is too long."""
    if type(cell) is float and cell.is_integer():
        return int(cell)
    return cell[: most + 1] if type(cell) is str else cell


def record(row: list[Any], most: int, most_together: int) -> Any:
    """A row as it is sent. A few long strings that every cell refers to can make gigabytes."""
    cells = [plain(cell, most) for cell in row]
    if sum(len(cell) for cell in cells if type(cell) is str) > most_together:
        return {"cut": [cell[:100] if type(cell) is str else cell for cell in cells]}
    return cells


def send(path: str, wish: dict[str, Any]) -> None:
    """Write everything."""
    workbook = open_workbook(path, wish["form"])
    visible, sheet = choose(workbook, wish["sheet"], names_only=wish["names"])
    if wish["names"]:
        write(visible)
        return
    if sheet is None:
        write({"error": "sheet" if wish["sheet"] else "empty", "sheets": visible})
        return
    first_row, first_column = sheet.start or (0, 0)
    about = {
        "sheet": sheet.name,
        "others": [name for name in visible if name != sheet.name],
        "left": first_column,
        "rows": first_row + sheet.height,
        "columns": first_column + sheet.width,
        "merged": sheet.merged_cell_ranges or [],
    }
    write(about)
    for row in sheet.iter_rows():
        write(record(row, wish["cell_characters"], wish["record_characters"]))
    write("end")


def main() -> None:
    """See the module."""
    path, wish = sys.argv[1], json.loads(sys.argv[2])
    limit(wish["memory_bytes"], wish["cpu_s"])
    try:
        send(path, wish)
    except PasswordError:
        write({"error": "password"})
    except MemoryError:
        write({"error": "memory"})
    except (CalamineError, OSError) as error:
        write({"error": "memory" if "limit exceeded" in str(error) else "damaged"})


if __name__ == "__main__":
    main()
