"""A typed client of the API, for programs of the same network.

    with Client("https://zhitong.example", token="zt_…") as client:
        for match in client.search("钢渣用作水泥掺合料").matches:
            print(match.level, match.document.title, match.in_favour)

Values are those of the schema (``api/schemas.py`` and beside it); a test asks every route of the
schema through it, so that neither runs ahead of the other.
"""

from __future__ import annotations

from api.client.http import ApiError as ApiError
from api.client.records import RecordCalls
from api.client.upkeep import UpkeepCalls
from api.client.work import WorkCalls


class Client(RecordCalls, WorkCalls, UpkeepCalls):
    """One server and one personal token. Use it as a context manager, or ``close`` it."""
