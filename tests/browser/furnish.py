"""What a morning leaves behind, so that each page of the office has something to show. Made as
people make it, by the rooms' own forms; only the records come from the repository."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from api.clock import now_at
from api.services import Services
from corpus.model import Achievement, Contact, ContactKind, Kind, Maturity, Need, Organisation
from corpus.repository import CorpusRepository
from tests.integration.import_pages import loaded, sent, settle
from tests.integration.office import PASSWORD, csrf, submit

USER = "zhanggong"
"""An administrator, whose password is that of all offices: who may open every page."""
NEED, MUTE_NEED = "B1", "B2"
"""A need that is followed and has pairs; the owner of the other has not agreed to be called."""
PAIRED = ("C1", "C2", "C3", "C4")
"""Achievements that are compared; the first three are in the shortlist."""
_SLAG = (
    "转炉钢渣磨细后用作水泥掺合料，活性指数低，早期强度不足。"
    "希望 28 天活性指数不低于 75%，年处理 30 万吨，吨成本不超过 80 元。"
)
_PHONE = (Contact(ContactKind.PHONE, "0315-5550101"),)
_FIRST = Achievement(
    key=PAIRED[0],
    title="转炉钢渣微粉复合激发技术",
    text="用复合激发剂处理钢渣微粉，28 天活性指数达到 82%，已在 20 万吨/年生产线连续运行，"
    "可用作水泥掺合料。吨处理成本约 65 元。",
    organisation=Organisation("北京示范冶金研究院", "北京"),
    technology_field="新材料",
    maturity=Maturity.MASS_PRODUCTION,
)
_RECORDS: list[Need | Achievement] = [
    Need(
        key=NEED, title="提高钢渣微粉的早期活性，用作水泥掺合料", text=_SLAG, county="迁安市",
        technology_field="新材料", contacts=_PHONE,
    ),
    Need(
        key=MUTE_NEED, title="轧钢加热炉余热用于厂区供暖", text="加热炉烟气余热没有利用。",
        county="丰南区", technology_field="新能源与节能", contacts=_PHONE,
    ),
    _FIRST,
    Achievement(
        key=PAIRED[1], title="钢渣立磨超细粉磨成套装备",
        text="立磨把钢渣磨到比表面积 450 m²/kg，用作水泥掺合料，台时产量 90 吨。",
        organisation=Organisation("天津示范装备学院", "天津"), technology_field="先进制造",
        maturity=Maturity.PILOT_SCALE,
    ),
    Achievement(
        key=PAIRED[2], title="钢渣碳酸化固碳制备建材",
        text="用烟气中的二氧化碳养护钢渣制品，钢渣掺量 60%，28 天强度 15 MPa。",
        organisation=Organisation("北京示范大学", "北京"), technology_field="节能环保",
        maturity=Maturity.LAB_SCALE,
    ),
    Achievement(
        key=PAIRED[3], title="矿渣与钢渣双掺水泥配方",
        text="矿渣、钢渣按 3:1 双掺，替代熟料 40%，早期强度不降低。",
        organisation=Organisation("河北示范建材所", "河北"), technology_field="新材料",
    ),
    replace(_FIRST, key="C1B", title="转炉钢渣微粉的复合激发技术", organisation=None),
]  # fmt: skip
_COLUMNS = ("编号", "成果名称", "成果简介", "完成单位", "密级")
_ROWS = (
    ("E1", "钢渣热闷余热回收", "热闷产生的蒸汽用于发电。", "北京示范冶金研究院", "公开"),
    ("E2", "", "这一行没有写名称。", "天津示范装备学院", "公开"),
    ("E3", "除尘灰提锌", "从电炉除尘灰里回收氧化锌。", "北京示范大学", "很秘密"),
    ("E4", "氢基竖炉布料模拟", "用离散元法模拟布料。", "北京示范大学", "公开"),
)


def add_records(services: Services) -> None:
    """Two needs, four achievements that can be compared, and one that is like another."""
    with services.writing() as session:
        CorpusRepository(session).upsert(_RECORDS, now_at())


class _Person:
    """Somebody who has logged in, and fills in forms."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        assert submit(client, USER, PASSWORD).status_code == 303
        client.headers["X-CSRF-Token"] = csrf(client.get("/account/password").text)

    def send(self, path: str, **fields: Any) -> None:
        """Send a form; the page that answers it is not needed."""
        answer = self.client.post(path, data=fields)
        assert answer.status_code in (200, 303), (path, answer.status_code, answer.text)


def furnish(client: TestClient, folder: Path) -> None:
    """Needs followed, pairs kept and judged, files imported, and what the other rooms hold."""
    person = _Person(client)
    _choose(person)
    _administer(person)
    _import(client, folder)
    # Who opens a record for the second time is not told of what is new; the other need stays new.
    for path in (f"/needs/{NEED}", f"/achievements/{PAIRED[0]}"):
        assert client.get(path).status_code == 200


def _choose(person: _Person) -> None:
    for kind, key in (("need", NEED), ("need", MUTE_NEED), ("achievement", PAIRED[0])):
        person.send("/desk/follow", kind=kind, key=key, wanted="yes")
    person.send("/shortlists", name="迁安钢渣，十二月走访", note="先电话联系，再约时间。")
    for key in PAIRED[:3]:
        person.send("/shortlists/add", need=NEED, achievement=key, shortlist="1")
    for key, said in ((PAIRED[0], {"verdict": "accept"}), (PAIRED[2], _TOO_EARLY)):
        person.send("/feedback", need=NEED, achievement=key, **said)
    person.send("/saved-searches", name="钢渣利用", q="钢渣用作水泥掺合料", kind="achievement")
    person.send("/contacts/consent", kind="need", id=NEED, how="11月25日电话征得同意")


_TOO_EARLY = {"verdict": "dismiss", "reason": "成熟度太低"}


def _administer(person: _Person) -> None:
    person.send("/admin/users", name="ligong", role="招商干部")
    person.send("/account/tokens", name="每晚导出", days="90")
    person.send("/dictionary/terms", kind="新词", term="复合激发", note="材料名")
    person.send("/dictionary/terms", kind="同义词", term="掺和料", canonical="掺合料")
    person.send("/duplicates/search", kind=Kind.ACHIEVEMENT.value)


def _import(client: TestClient, folder: Path) -> None:
    """One upload that was loaded, one that waits to be checked, one whose columns do."""
    folder.mkdir(exist_ok=True)
    path = folder / "丰南区成果.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *_ROWS])
    first, second, _ = (sent(client, path, "achievement") for _ in range(3))
    settle(client, first)
    loaded(client, first)
    settle(client, second)
