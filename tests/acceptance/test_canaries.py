"""Nothing closed is ever shown: words put into closed parts, looked for in every output.

Outputs are what the commands print and write (text, JSON, .jsonl, .xlsx), every GET route of the
API with its parameters, the pages, error messages and the server's log. Not outputs, and left
out: what ``zhitong import`` itself says about the file that somebody just loaded (the report and
the workbook of failed rows are his own file's), and the database, its backup and the index files
on disk, which only the administrator of the machine reads. A key and its source are never closed:
they tell records apart.
"""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from typer.testing import CliRunner

from api import console
from api.app import create_app
from api.cli import app as commands
from api.clock import now_at
from api.evidence import proposal
from api.security.credentials import SessionRepository
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.duplicates.stored import GroupState
from corpus.model import Kind, Maturity
from indexer.build import Makers
from indexer.store import ShardStore
from indexer.testing import FakeEncoder
from indexer.tokenizer import JiebaTokenizer
from matcher.engine import MatchConfig, MatchEngine
from matcher.feedback import Pair
from matcher.kept import EvidenceRepository
from matcher.scoring import shipped_model
from matcher.shortlist import Access, Sharing
from matcher.shortlist_repository import ShortlistRepository
from matcher.testing import EVERYTHING
from tests.acceptance.canaries import (
    FEEDBACK,
    JUDGED,
    OPEN_FIELD,
    PUBLIC_TEXT,
    PUBLIC_TITLE,
    SECRET_FIELD,
    SECRET_REGION,
    Canary,
    Corpus,
    readable,
)
from tests.acceptance.conftest import environment, free_port, program
from tests.integration.accounts import create, log_in, services_of, token

SCOPES = {
    # The one county and the one owner that are open.
    Role.COUNTY: {"county": "迁安市"},
    Role.INSTITUTION: {"organisation": "乙公司（示例）"},
}
WORDS = {Kind.NEED: "needs", Kind.ACHIEVEMENT: "achievements"}
CORPORA = {kind: Corpus(kind) for kind in Kind}
CANARIES = [*FEEDBACK, *(canary for corpus in CORPORA.values() for canary in corpus.canaries)]


class RememberingEncoder(FakeEncoder):
    """The same few texts are embedded thousands of times here."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        for text in set(texts) - self._known.keys():
            self._known[text] = super().encode_queries([text])[0]
        return np.array([self._known[text] for text in texts]).reshape(len(texts), self.dimension)

    encode_passages = encode_queries


MAKERS = Makers(RememberingEncoder(), JiebaTokenizer())
# Everything that passes the filters is shown, whatever the fake vectors say.
SHOW_ALL = MatchConfig(model=replace(shipped_model(), cuts=EVERYTHING))
QUERIES = (PUBLIC_TITLE[Kind.NEED], f"{PUBLIC_TEXT}{CANARIES[-1].word}")
SECRET_NAME = next(c.word for c in CANARIES if c.place.endswith("record 保密: organisation"))
PARAMETERS: Mapping[str, Sequence[Any]] = {
    "q": QUERIES,
    "kind": list(Kind),
    "limit": [100],
    "offset": [0, 1],
    "field": [None, OPEN_FIELD, SECRET_FIELD],
    "region": [None, SECRET_REGION, "玉田县"],
    "min_maturity": [None, "可以量产"],
    "include_expired": [False, True],
    "need": [None, "N-SECRET", "N-INSIDE"],
    "achievement": [None, "A-SECRET"],
    "shelved": [False, True],
    "archived": [False, True],
    "undone": [False, True],
    "id": ["N-SECRET", "N-PLAIN", "A-SECRET", "A-PLAIN"],
    "industry": [None, "制造业"],
    "maturity": [None, "可以量产"],
    "protection": [None, "已写明"],
    "title": ["", "kenar"],
    "sort": ["entry", "newest"],
    "searched": [False, True],
    "action": [None, "导出"],
    "user": [None, "first.admin"],
    "since": [None, "2026-01-01"],
    "until": [None, "2026-12-31"],
    "state": [GroupState.OPEN, GroupState.DISMISSED],
    "name": [None, "公司", SECRET_NAME],
}
# With every other parameter once, not with all of them together.
ALONE = frozenset({"industry", "maturity", "protection", "title", "sort", "searched"})


@dataclass(frozen=True, slots=True)
class World:
    """A home with a corpus and an index, in which commands run in this process."""

    home: Path
    keys: Mapping[Kind, Sequence[str]]

    def run(self, *arguments: str, all_of_it: bool = True) -> str:
        """What a command printed, on both streams or on standard output alone."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZHITONG_HOME", str(self.home))
            result = CliRunner().invoke(commands, list(arguments))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output if all_of_it else result.stdout

    def evidence(self) -> list[int]:
        """Numbers of what judgements rest on."""
        listed = self.run("feedback", "list", "-n", "1000", "--json", all_of_it=False)
        found = {entry["evidence"] for entry in json.loads(listed)["entries"]} - {None}
        assert found, "no judgement kept what it rested on"
        return sorted(found)

    def settings(self) -> Settings:
        return Settings(home=self.home, encoder="fake", database_url="", requests_per_minute=10**6)

    def client(self, role: Role) -> TestClient:
        """Somebody of this role; a guest is nobody, for whom nothing is there."""
        client = TestClient(create_app(self.settings()), raise_server_exceptions=False)
        create(services_of(client), Role.ADMINISTRATOR)
        if role is not Role.GUEST:
            log_in(client, role, **SCOPES.get(role, {}))
        return client

    def services(self) -> Services:
        return Services(self.settings())


def showing_all(makers: Makers, store: ShardStore, _: MatchConfig) -> MatchEngine:
    return MatchEngine(makers, store, SHOW_ALL)


@pytest.fixture(scope="module", autouse=True)
def quick_parts() -> Iterator[None]:
    """Fake vectors, real words; lines wide enough that no word is broken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Services, "makers", property(lambda _self: MAKERS))
        patch.setattr("api.parts.MatchEngine", showing_all)
        patch.setenv("ZHITONG_ENCODER", "fake")
        for stream in (console.out, console.err):
            patch.setattr(stream, "_width", 5000)  # None before: as wide as COLUMNS says
        yield


def made(folder: Path, keep: Callable[[str], bool] = lambda _key: True) -> World:
    """Import the records by the command line and build the indexes."""
    keys = {kind: [key for key in corpus.keys if keep(key)] for kind, corpus in CORPORA.items()}
    world = World(folder / "home", keys)
    for kind, corpus in CORPORA.items():
        for table, profile in corpus.write(folder, keys[kind]):
            load = ("import", str(table), "--profile", str(profile), "--json")
            [report] = json.loads(world.run(*load, all_of_it=False))
            assert (report["new"], report["failed_count"]) == (1, 0), report
    world.run("index", "build")
    world.run("duplicates", "find")
    for judged in JUDGED:
        pair = f"N-{judged.name}", f"A-{judged.name}"
        if all(key in keys[kind] for kind, key in zip((Kind.NEED, Kind.ACHIEVEMENT), pair,
                                                      strict=True)):  # fmt: skip
            world.run("feedback", "accept", *pair, "--who", judged.rater, "--note", judged.note)
            world.run("feedback", "dismiss", *pair, "--who", "王工", "--reason", "工艺不符")
    return world


@pytest.fixture(scope="module")
def world(quick_parts: None, tmp_path_factory: pytest.TempPathFactory) -> World:
    return made(tmp_path_factory.mktemp("canaries"))


# -- the outputs ---------------------------------------------------------------------------


def printed(world: World, role: Role, folder: Path) -> Iterator[tuple[str, str]]:
    """Every command that shows records, in every form."""
    run, as_role = world.run, ("--role", role.value)
    for kind, word in WORDS.items():
        for query, form in itertools.product(QUERIES, ([], ["--json"], ["--include-expired"])):
            asked = ["search", query, "--kind", word, "-n", "100", *as_role, *form]
            yield " ".join(asked), run(*asked)
        for key in world.keys[kind]:
            reverse = ["--reverse"] if kind is Kind.ACHIEVEMENT else []
            for asked in (
                ["match", key, "-n", "100", *reverse, *as_role, "--json"],
                ["record", "show", key, "--kind", word, *as_role],
                ["record", "history", key, "--kind", word, *as_role],
                ["record", "history", key, "--kind", word, *as_role, "--json"],
            ):
                yield " ".join(asked), run(*asked)
        for form in ([], ["--json"]):
            asked = ["duplicates", "list", "--kind", word, "-n", "100", *as_role, *form]
            yield " ".join(asked), run(*asked)
    for form in ([], ["--json"]):
        for asked in (["need", "list"], *(["need", "check", key] for key in world.keys[Kind.NEED])):
            yield " ".join([*asked, *form]), run(*asked, *as_role, *form)
        yield f"match --all {form}", run("match", "--all", "-n", "100", *as_role, *form)
        for asked in (
            ["feedback", "list", *as_role, *form],
            ["feedback", "list", "--undone", *as_role, *form],
            ["feedback", "list", "--shelved", *as_role, *form],
            ["feedback", "agreement", *as_role, *form],
            ["ranking", "list", *form],
        ):
            yield " ".join(asked), run(*asked)
        for need, achievement in alike_pairs(world):
            asked = ["explain", need, achievement, *as_role, *form]
            yield " ".join(asked), run(*asked)
        for number, act in itertools.product(world.evidence(), ("show", "replay")):
            asked = ["evidence", act, str(number), *as_role, *form]
            yield " ".join(asked), run(*asked)
    for name in ("out.xlsx", "out.jsonl"):
        path = folder / name
        yield f"{name} said", run("match", "--all", "-n", "100", "--out", str(path), *as_role)
        yield name, written(path)


def alike_pairs(world: World) -> list[tuple[str, str]]:
    """Every need with the achievement that is closed in the same way."""
    needs, achievements = (sorted(world.keys[kind]) for kind in (Kind.NEED, Kind.ACHIEVEMENT))
    return list(zip(needs, achievements, strict=True))


def explained_pairs(world: World) -> list[tuple[str, str]]:
    """These, and every record with an open one of the other side."""
    crossed = [
        *((need, "A-PLAIN") for need in world.keys[Kind.NEED]),
        *(("N-PLAIN", achievement) for achievement in world.keys[Kind.ACHIEVEMENT]),
    ]
    return list(dict.fromkeys([*alike_pairs(world), *crossed]))


def written(path: Path) -> str:
    if path.suffix != ".xlsx":
        return path.read_text("utf-8")
    with zipfile.ZipFile(path) as book:
        return "\n".join(book.read(part).decode("utf-8") for part in book.namelist())


def served(client: Any, world: World, *, every: bool) -> Iterator[tuple[str, str]]:
    """Every GET route of the schema with its parameters, ``every`` combination of them or one
    changed at a time, and the pages."""
    assert client.get("/openapi.json").status_code == 200
    schema = client.get("/openapi.json").json()
    writing = {
        (path, method)
        for path, methods in schema["paths"].items()
        for method in set(methods) - {"get"}
    }
    assert writing == WRITING | CURATING | ABOUT_ACCOUNTS, (
        "a new kind of route: does it show records?"
    )
    expected = WRITING | CURATING | ABOUT_ACCOUNTS
    assert writing == expected, "a new kind of route: does it show records?"
    yield from judged(client, world)
    shared = shared_list(client, world)
    yield from listed(client, world, shared)
    yield from curated(client)
    for path, methods in schema["paths"].items():
        if "get" not in methods:
            continue
        parameters = methods["get"].get("parameters", [])
        known = {p["name"]: PARAMETERS[p["name"]] for p in parameters if p["in"] == "query"}
        path = path.replace("{shortlist_id}", str(shared))
        for place, filled in enumerate(filled_paths(path, world)):
            for chosen in choices(known, every=every and place == 0):
                answer = client.get(filled, params=chosen)
                assert answer.status_code < 500 or path == "/readyz", (filled, answer.text)
                yield f"{filled} {chosen}", whole(answer)
    yield from desk(client, world)
    for page in (
        "/", "/needs", "/achievements", "/needs?title=kenar", "/achievements?sort=newest",
        "/imports", "/imports/runs/1", "/admin/users", "/admin/audit", "/admin/system",
    ):  # fmt: skip
        yield page, whole(client.get(page))
    for chosen in choices({k: PARAMETERS[k] for k in ("q", "kind", "field", "region")}, every=True):
        yield f"/ {chosen}", whole(client.get("/", params=chosen))
    for kind, word in WORDS.items():
        for key in world.keys[kind]:
            yield f"/{word}/{key}", whole(client.get(f"/{word}/{quote(key)}"))
    for need, achievement in explained_pairs(world):
        pair = {"need": need, "achievement": achievement}
        filters = {"region": SECRET_REGION, "field": SECRET_FIELD, "limit": 1} if every else {}
        answer = client.get("/api/v1/explain", params={**pair, **filters})
        # Rows of others are as if they were not there, alone and in a pair.
        sides = (f"/api/v1/needs/{quote(need)}", f"/api/v1/achievements/{quote(achievement)}")
        there = all(client.get(side).status_code == 200 for side in sides)
        assert answer.status_code == (200 if there else 404), answer.text
        yield f"explain {pair} {filters}", whole(answer)
    for need, achievement in alike_pairs(world):
        page = f"/needs/{quote(need)}"
        yield f"{page} {achievement}", whole(client.get(page, params={"why": achievement}))
    for canary in (c for c in CANARIES if "title" in c.place):
        # Pieces of titles that the role may not read find nothing.
        answer = client.get("/needs/N-PLAIN", params={"why": canary.word})
        yield f"/needs/N-PLAIN?why={canary.word}", whole(answer)
    for wrong in ("/needs/none", "/api/v1/needs/none", "/api/v1/search?limit=x", "/none", "/api/x"):
        answer = client.get(wrong)
        assert answer.status_code in {404, 422}
        yield wrong, whole(answer)


def refused(client: Any, world: World) -> Iterator[tuple[str, str]]:
    """What somebody gets who has not logged in: the way to the login, and nothing else."""
    paths = [f"/{p}/{key}" for kind, p in WORDS.items() for key in world.keys[kind]]
    for path in ("/", "/needs", "/achievements", f"/?q={QUERIES[0]}", *paths):
        answer = client.get(path)
        assert 'action="/login"' in answer.text
        yield path, whole(answer)
    asked = [f"/api/v1{path}" for path in ("/needs", "/achievements", "/feedback", *paths)]
    for path in (*asked, f"/api/v1/search?q={QUERIES[0]}", "/openapi.json"):
        answer = client.get(path)
        assert answer.status_code == 401
        yield path, whole(answer)


_LISTS = "/api/v1/shortlists"
WRITING = {
    ("/api/v1/feedback", "post"),
    ("/api/v1/feedback/{feedback_id}", "delete"),
    ("/api/v1/needs/{need_id}", "patch"),
    ("/api/v1/achievements/{achievement_id}", "patch"),
    ("/api/v1/contacts/consent", "post"),
    ("/api/v1/contacts/consent", "delete"),
    (_LISTS, "post"),
    (f"{_LISTS}/{{shortlist_id}}", "patch"),
    (f"{_LISTS}/{{shortlist_id}}", "delete"),
    (f"{_LISTS}/{{shortlist_id}}/duplicate", "post"),
    (f"{_LISTS}/{{shortlist_id}}/entries", "post"),
    (f"{_LISTS}/{{shortlist_id}}/entries/{{entry_id}}", "patch"),
    (f"{_LISTS}/{{shortlist_id}}/entries/{{entry_id}}", "delete"),
    (f"{_LISTS}/{{shortlist_id}}/entries/{{entry_id}}/restore", "post"),
    # What somebody typed himself, and no record.
    ("/api/v1/saved-searches", "post"),
    ("/api/v1/saved-searches/{search_id}", "patch"),
    ("/api/v1/saved-searches/{search_id}", "delete"),
    ("/api/v1/saved-searches/{search_id}/restore", "post"),
    # What it says of a file is its sender's own, as of ``zhitong import``.
    ("/api/v1/imports", "post"),
    ("/api/v1/imports/{upload_id}/undo", "post"),
    # Decisions on near copies, and words.
    ("/api/v1/duplicates/searches", "post"),
    *((f"/api/v1/duplicates/{{group_id}}/{act}", "post")
      for act in ("merge", "unmerge", "dismiss", "reopen")),
    ("/api/v1/dictionary/terms", "post"),
    ("/api/v1/dictionary/terms/{term_id}", "delete"),
    ("/api/v1/dictionary/terms/{term_id}/restore", "post"),
    ("/api/v1/dictionary/preview", "post"),
    ("/api/v1/dictionary/publish", "post"),
    ("/api/v1/dictionary/rollback", "post"),
}  # fmt: skip
ABOUT_ACCOUNTS = {
    ("/api/v1/users", "post"), ("/api/v1/users/{user_id}", "patch"),
    ("/api/v1/users/{user_id}/password", "post"), ("/api/v1/users/{user_id}/sessions", "delete"),
}  # fmt: skip
"""They have no record to show; only administrators may use them."""


def shared_list(client: Any, world: World) -> int:
    """A shortlist of the administrator's that everybody may edit: every pair, each with what was
    said of it, and whom to call in the notes."""
    services = services_of(client)
    people = {f"user.{role.name.lower()}": Access.EDIT for role in Role}
    said = {pair: proposal(services, Pair(*pair)) for pair in explained_pairs(world)}
    with services.writing() as session:
        lists = ShortlistRepository(session)
        found = lists.named("first.admin", "全部") or lists.create("first.admin", "全部", "",
                                                                 now_at())  # fmt: skip
        for pair, one in said.items():
            kept = (
                EvidenceRepository(session).keep(one, "first.admin", now_at()).id if one else None
            )
            lists.add(found, Pair(*pair), "", "first.admin", kept, now_at())
        lists.share(found, Sharing(Access.EDIT, people), now_at())
        return found.id


def listed(client: Any, world: World, shared: int) -> Iterator[tuple[str, str]]:
    """What the pages, the files and the writing routes of shortlists answer for every pair."""
    place = f"{_LISTS}/{shared}"
    own = client.post(_LISTS, json={"name": "自己的"})
    assert own.status_code in {201, 400}  # made before
    yield "POST list", whole(own)
    body = client.get(place).json()
    for number, entry in enumerate(body["entries"]):
        at, version = f"{place}/entries/{entry['id']}", client.get(place).json()["version"]
        if number < 2:
            yield f"PATCH {at}", whole(client.patch(at, json={"version": version, "place": 1}))
            yield f"DELETE {at}", whole(client.delete(at))
            yield f"RESTORE {at}", whole(client.post(f"{at}/restore"))
    entries = {(entry["need"]["id"], entry["achievement"]["id"]) for entry in body["entries"]}
    assert body["hidden"] == len(explained_pairs(world)) - len(entries)
    for need, achievement in explained_pairs(world):
        pair = {"need": need, "achievement": achievement}
        answer = client.post(f"{place}/entries", json=pair)
        assert answer.status_code == (200 if (need, achievement) in entries else 404), answer.text
        yield f"POST {pair}", whole(answer)
        page = client.post("/shortlists/add", data={**pair, "shortlist": "0", "next": "/"})
        yield f"add {pair}", whole(page)
        compared = client.get("/compare", params=pair)
        assert compared.status_code in {200, 404}
        yield f"compare {pair}", whole(compared)
    version = client.get(place).json()["version"]
    yield "PATCH list", whole(client.patch(place, json={"version": version, "note": "x"}))
    yield "DELETE list", whole(client.delete(f"{_LISTS}/{10**6}"))
    copy = client.post(f"{place}/duplicate")
    assert copy.status_code == 201
    yield "duplicate", whole(copy)
    client.delete(f"{_LISTS}/{copy.json()['id']}")
    for form in ("", "?print", "/export/docx", "/export/xlsx"):
        answer = client.get(f"/shortlists/{shared}{form}")
        assert answer.status_code == 200, answer.text
        text = answer.text
        if "export" in form:
            with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
                text = "\n".join(file.read(part).decode("utf-8", "replace")
                                 for part in file.namelist() if part.endswith(".xml"))  # fmt: skip
        yield f"/shortlists{form}", f"{answer.headers}\n{text}"
    for page in ("/shortlists", "/shortlists?archived=true", "/compare"):
        yield page, whole(client.get(page))


def desk(client: Any, world: World) -> Iterator[tuple[str, str]]:
    """The desk of somebody who follows all that is there for him."""
    for kind, word in WORDS.items():
        for key in world.keys[kind]:
            form = {"kind": kind.value, "key": key, "wanted": "yes"}
            answer = client.post("/desk/follow", data=form, follow_redirects=False)
            assert answer.status_code in {303, 404}
            yield f"follow {word} {key}", whole(answer)
    for page in (1, 2):
        yield f"/desk {page}", whole(client.get("/desk", params={"page": page}))
        for of in ("followed", "achievements", "proposed", "new", "waiting", "dismissed",
                   "accepted"):  # fmt: skip
            answer = client.get("/desk/rows", params={"of": of, "page": page})
            assert answer.status_code == 200
            yield f"/desk/rows {of} {page}", whole(answer)


CURATING = {
    ("/api/v1/duplicates/searches", "post"),
    *((f"/api/v1/duplicates/{{group_id}}/{act}", "post")
      for act in ("merge", "unmerge", "dismiss", "reopen")),
    ("/api/v1/dictionary/terms", "post"),
    ("/api/v1/dictionary/terms/{term_id}", "delete"),
    ("/api/v1/dictionary/terms/{term_id}/restore", "post"),
    ("/api/v1/dictionary/preview", "post"),
    ("/api/v1/dictionary/publish", "post"),
    ("/api/v1/dictionary/rollback", "post"),
}  # fmt: skip


def curated(client: Any) -> Iterator[tuple[str, str]]:
    """Groups of near copies, decided on and taken back, and what a word would change."""
    for kind in Kind:
        asked = client.get("/api/v1/duplicates", params={"kind": kind.value, "limit": 200})
        groups = [] if asked.status_code == 403 else asked.json()["groups"]
        for place in (f"/duplicates/{group['id']}" for group in groups):
            yield place, whole(client.get(place))
            for act in ("dismiss", "reopen", "merge", "unmerge"):
                answer = client.post(f"/api/v1{place}/{act}", json={})
                assert answer.status_code in {200, 409}, answer.text
                yield f"{place}/{act}", whole(answer)
        yield f"/duplicates {kind}", whole(client.get("/duplicates", params={"kind": kind.value}))
    draft = {"kind": "同义词", "term": "微粉活化", "canonical": "早期活性"}
    made = client.post("/api/v1/dictionary/terms", json=draft)
    assert made.status_code in {201, 403}, made.text
    yield "preview", whole(client.post("/api/v1/dictionary/preview"))
    for page in ("/dictionary", "/dictionary/preview"):
        yield page, whole(client.get(page))
    if made.status_code == 201:
        place = f"/api/v1/dictionary/terms/{made.json()['id']}"
        yield place, whole(client.delete(place))


def judged(client: Any, world: World) -> Iterator[tuple[str, str]]:
    """What the routes of ``WRITING`` answer for every record."""
    for need, achievement in zip(*(sorted(world.keys[kind]) for kind in Kind), strict=True):
        pair = dict(zip((k.value for k in Kind), (need, achievement), strict=True))
        answer = client.post("/api/v1/feedback", json={**pair, "verdict": "grade", "grade": 2})
        assert answer.status_code in {200, 201, 403}, answer.text
        yield f"POST {pair}", whole(answer)
        if answer.status_code != 403:
            place = f"/api/v1/feedback/{answer.json()['id']}"
            yield f"DELETE {pair}", whole(client.delete(place))
    for kind, word in WORDS.items():
        for key in world.keys[kind]:
            answer = client.patch(
                f"/api/v1/{word}/{quote(key)}", json={}, headers={"If-Match": "*"}
            )
            assert answer.status_code in {200, 403, 404}, answer.text
            yield f"PATCH {word}/{key}", whole(answer)
            named = {"kind": kind.value, "id": key}
            answer = client.post("/api/v1/contacts/consent", json={**named, "how": "电话"})
            assert answer.status_code in {200, 400, 403, 404}, answer.text
            yield f"consent {word}/{key}", whole(answer)
            for path in ("/api/v1/contacts", "/contacts"):
                yield f"{path} {word}/{key}", whole(client.get(path, params=named))
    answer = client.delete(f"/api/v1/feedback/{10**6}")
    assert answer.status_code in {403, 404}
    yield "DELETE none", whole(answer)
    answer = client.post(f"/api/v1/imports/{10**6}/undo")
    assert answer.status_code in {403, 404}
    yield "POST undo", whole(answer)


def filled_paths(path: str, world: World) -> list[str]:
    for kind in Kind:
        name = f"{{{kind.value}_id}}"
        if name in path:
            return [path.replace(name, quote(key)) for key in world.keys[kind]]
    path = path.replace("{search_id}", "1")
    path = path.replace("{upload_id}", "1").replace("{user_id}", "1")
    for name in ("{group_id}", "{organisation_id}"):
        if name in path:
            return [path.replace(name, str(number)) for number in range(1, 30)]
    assert "{" not in path, f"unknown parameter in {path}"
    return [path]


def choices(known: Mapping[str, Sequence[Any]], *, every: bool) -> Iterator[dict[str, Any]]:
    first = {name: values[0] for name, values in known.items()}
    combined: Iterable[dict[str, Any]]
    joint = [name for name in known if every and name not in ALONE]
    combined = (
        {**first, **dict(zip(joint, values, strict=True))}
        for values in itertools.product(*(known[name] for name in joint))
    )
    single = {name: values for name, values in known.items() if name not in joint}
    changed = ({**first, name: v} for name, values in single.items() for v in values[1:])
    combined = itertools.chain(combined, changed)
    for chosen in combined:
        yield {name: value for name, value in chosen.items() if value is not None}


def whole(answer: Any) -> str:
    return f"{answer.headers}\n{answer.text}"


def asked_for(label: str, canary: Canary) -> bool:
    """Whoever asks for a word may see his own question again."""
    return canary.word in label


# -- the tests -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_no_role_sees_what_it_may_not(world: World, role: Role, tmp_path: Path) -> None:
    seen: set[Canary] = set()
    leaks: dict[str, list[str]] = {}
    with world.client(role) as client:
        outputs = itertools.chain(
            printed(world, role, tmp_path),
            refused(client, world)
            if role is Role.GUEST
            else served(client, world, every=role is Role.INSTITUTION),
        )
        for label, output in outputs:
            text = readable(output)
            for canary in CANARIES:
                if not asked_for(label, canary) and canary.is_in(text):
                    seen.add(canary)
                    if role not in canary.readers:
                        leaks.setdefault(f"{canary.place} ({canary.word})", []).append(label)
    assert {place: labels[:3] for place, labels in leaks.items()} == {}
    # Else the test could not fail: everything shows where it may be seen.
    missing = [canary.place for canary in CANARIES if role in canary.readers and canary not in seen]
    assert missing == []


CLOSED = {
    Role.GUEST: {"INSIDE", "SECRET", "FIELDS", "TITLE1", "TITLE2", "IC", "CI"},
    Role.OFFICER: {"SECRET", "FIELDS", "TITLE2", "IC", "CI"},
}


@pytest.mark.parametrize("role", CLOSED, ids=lambda role: role.name)
def test_searching_for_a_closed_word_tells_nothing(
    world: World, role: Role, tmp_path: Path
) -> None:
    """The same lists as where the record is not there at all."""
    without = made(tmp_path, lambda key: key.partition("-")[2] not in CLOSED[role])
    with closing(world.services()) as whole_corpus, closing(without.services()) as open_part:
        for kind, corpus in CORPORA.items():
            closed = [c for c in corpus.canaries if role not in c.readers and "text" in c.place]
            assert closed
            for canary in closed:
                for query in (canary.word, f"{PUBLIC_TITLE[kind]}，{canary.word}"):
                    found, expected = (
                        shown(searched(services, query, kind, role))
                        for services in (whole_corpus, open_part)
                    )
                    places, records, *numbers = found
                    expected_places, expected_records, *expected_numbers = expected
                    assert numbers == expected_numbers, (canary, query)
                    assert records == expected_records, (canary, query)
                    for key in places.keys() & expected_places.keys():
                        assert places[key] == expected_places[key], (canary, query)
    assert any(
        "SECRET" in m["document"]["id"]
        for m in json.loads(
            world.run("search", CANARIES[-1].word, "--json", "--role", "管理员", "-n", "100",
                      all_of_it=False)
        )[0]["matches"]
    )  # fmt: skip


def searched(services: Services, query: str, kind: Kind, role: Role) -> Mapping[str, Any]:
    """As the API answers a role that sees every row: also for one that has no account."""
    where = services.record_filter()
    return services.search(query, kind, where, 100, role).model_dump(mode="json")


def shown(ranking: Mapping[str, Any]) -> Any:
    """What a list says, without the scores and what they order: those depend on the frequency of
    words everywhere. So do the groups of near copies on what there is to compare, for whatever
    query: which of several stands for the others is left out, that they are there is not."""
    places = {
        m["document"]["id"]: (m["document"], {t["term"] for t in m["terms"]}, card(m))
        for m in ranking["matches"]
    }
    records = {one["id"] for m in ranking["matches"] for one in m["near_copies"]} | places.keys()
    return places, records, ranking["eligible"], ranking["problems"]


def card(match: Mapping[str, Any]) -> Any:
    return {name: match[name] for name in ("indicators", "objections", "questions", "similarity")}


@pytest.mark.parametrize("role", [Role.GUEST, Role.OFFICER], ids=lambda role: role.name)
def test_filtering_by_a_closed_value_tells_nothing(world: World, role: Role) -> None:
    filters: list[tuple[Kind, dict[str, Any]]] = [
        (Kind.NEED, {"fields": [SECRET_FIELD]}), (Kind.ACHIEVEMENT, {"fields": [SECRET_FIELD]}),
        (Kind.NEED, {"regions": ["玉田县"]}), (Kind.ACHIEVEMENT, {"regions": [SECRET_REGION]}),
        (Kind.ACHIEVEMENT, {"min_maturity": Maturity.MASS_PRODUCTION}),
    ]  # fmt: skip
    with closing(world.services()) as services:
        for kind, chosen in filters:
            where = services.record_filter(**chosen)
            pages = [services.page(kind, where, 0, 50, r) for r in (role, Role.ADMINISTRATOR)]
            mine, everything = ({record.id for record in page.records} for page in pages)
            key = f"{kind.value[0].upper()}-FIELDS"
            assert key in everything
            assert key not in mine
            assert pages[0].total == len(mine)


def test_a_text_closed_later_was_not_open_before(world: World, tmp_path: Path) -> None:
    """The history shows no more of an older version than of today's record."""
    for number, (level, word) in enumerate((("公开", "kenarh1q"), ("保密", "kenarh2q"))):
        table = tmp_path / f"{number}.csv"
        table.write_text(f"需求编号,需求名称,密级\nN-LATER,{word},{level}\n", "utf-8")
        world.run("import", str(table), "--kind", "needs")
    shown_to = {
        role: world.run("record", "history", "N-LATER", "--kind", "needs", "--role", role.value)
        for role in (Role.ADMINISTRATOR, Role.GUEST)
    }
    assert "kenarh1q" in shown_to[Role.ADMINISTRATOR]
    assert "kenarh2q" in shown_to[Role.ADMINISTRATOR]
    assert "kenarh" not in shown_to[Role.GUEST]


def test_the_running_server_and_its_log(
    world: World, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an institution gets over the network, from the real program with the real encoder."""
    with closing(world.services()) as services:
        account = create(services, Role.INSTITUTION, **SCOPES[Role.INSTITUTION])
        header = {"authorization": token(services, account)}
        with services.writing() as session:
            secret = SessionRepository(session, services.lifetimes).open(account.id, now_at())
    cookie = {"cookie": f"__Host-zhitong={secret}"}
    settings = environment(world.home, model_cache)
    del settings["COLUMNS"]
    built = subprocess.run(
        [program(), "index", "build"], env=settings, capture_output=True, text=True, check=True
    )
    port = free_port()
    process = subprocess.Popen(
        [program(), "serve", "--port", str(port)],
        env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    stream = process.stdout
    log: list[str] = [built.stdout, built.stderr]
    ready = threading.Event()

    def read() -> None:
        for line in stream:
            log.append(line)
            if "Uvicorn running on" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(timeout=120)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            paths = [f"/{p}/{key}" for kind, p in WORDS.items() for key in CORPORA[kind].keys]
            asked = ["/needs", "/achievements", "/needs/none", "/api/v1/needs/none/matches"]
            asked += [f"/api/v1{path}" for path in paths] + paths[1:5]
            asked += ["/api/v1/needs?limit=200", f"/api/v1/search?q={QUERIES[0]}&limit=100"]
            asked += [f"/?q={QUERIES[1]}", "/api/v1/search?limit=x", "/readyz"]
            asked += ["/api/v1/feedback?limit=200&undone=true", "/api/v1/feedback?shelved=true"]
            answers = {
                path: client.get(path, headers=header if path.startswith("/api/") else cookie)
                for path in asked
            }
            assert {answer.status_code for answer in answers.values()} <= {200, 404, 422}
            outputs = {path: whole(answer) for path, answer in answers.items()}
    finally:
        process.terminate()
        process.wait(timeout=60)
        reader.join(timeout=60)
        stream.close()
    assert '"route": "/api/v1/search"' in "".join(log)
    outputs["the log"] = "".join(line for line in log if QUERIES[1] not in line)
    leaks = {
        (canary.place, label)
        for label, output in outputs.items()
        for canary in CANARIES
        if Role.INSTITUTION not in canary.readers
        and not asked_for(label, canary)
        and canary.is_in(readable(output))
        and canary is not CANARIES[-1]  # the query in the log
    }
    assert leaks == set()
