"""Logging in by an OpenID Connect provider, and every way in which that must fail."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError

from api.clock import now_at
from api.protected import is_protected
from api.security.accounts import AccountRepository
from api.security.audit import Action, AuditLog
from api.settings import Settings
from corpus.confidentiality import Role
from tests.integration.accounts import create, services_of
from tests.integration.office import PASSWORD, csrf, office, submit, with_password
from tests.integration.openid import (
    CLIENT,
    CODE,
    SECRET,
    Liar,
    agree,
    lying_provider,
    real_provider,
)

CALLBACK = "/login/oidc/callback"
COOKIE = "__Host-zhitong-oidc"


@contextmanager
def office_with(
    patch: pytest.MonkeyPatch, tmp_path: Path, issuer: str, claim: str = "preferred_username"
) -> Iterator[TestClient]:
    for name, value in (
        ("ISSUER", issuer), ("CLIENT_ID", CLIENT), ("CLIENT_SECRET", SECRET), ("CLAIM", claim),
    ):  # fmt: skip
        patch.setenv(f"ZHITONG_OIDC_{name}", value)
    with office(patch, tmp_path) as client:
        create(services_of(client), Role.ADMINISTRATOR)
        yield client


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_provider() as made:
        yield made


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, liar: Liar) -> Iterator[TestClient]:
    with office_with(monkeypatch, tmp_path, liar.issuer) as made:
        create(services_of(made), Role.OFFICER, "ligong")
        yield made


def begin(client: TestClient, wanted: str = "/") -> str:
    answer = client.get("/login/oidc", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    where: str = answer.headers["location"]
    return where


def log(client: TestClient) -> list[tuple[Action, str]]:
    with services_of(client).reading() as session:
        return [(entry.action, entry.subject) for entry in AuditLog(session).entries()]


def refused(client: TestClient, query: str, said: str = "统一登录没有成功") -> Any:
    answer = client.get(f"{CALLBACK}?{query}")
    assert (answer.status_code, said in answer.text) == (401, True), answer.text
    assert "__Host-zhitong=" not in str(answer.headers.get_list("set-cookie"))
    assert client.get("/needs").status_code == 303
    return answer


# -- with a provider that others wrote -----------------------------------------------------


def test_somebody_logs_in_by_a_real_provider(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        real_provider(sub="1001", preferred_username="LiGong", name="李工") as issuer,
        office_with(monkeypatch, tmp_path, issuer) as client,
    ):
        account = create(services_of(client), Role.OFFICER, "ligong")
        page = client.get("/login?next=/needs%3Foffset%3D0")
        assert 'href="/login/oidc?next=/needs%3Foffset%3D0"' in page.text
        there = begin(client, "/needs?offset=0")
        assert there.startswith(f"{issuer}/oauth2/authorize?")
        back = urlsplit(agree(there, "1001"))
        assert (back.scheme, back.netloc, back.path) == ("https", "testserver", CALLBACK)
        done = client.get(f"{CALLBACK}?{back.query}")
        assert (done.status_code, done.headers["location"]) == (303, "/needs?offset=0")
        assert "ligong（招商干部）" in client.get("/needs").text
        assert COOKIE not in client.cookies
        assert log(client) == [(Action.LOGGED_IN_BY_PROVIDER, f"user:{account.id}")]
        # The same answer again, by a browser that still has the cookie: the code is spent.
        client.cookies.clear()
        there = begin(client)
        kept = client.cookies[COOKIE]
        query = urlsplit(agree(there, "1001")).query
        assert client.get(f"{CALLBACK}?{query}").status_code == 303
        client.cookies.clear()
        client.cookies.set(COOKIE, kept)
        refused(client, query)


def test_a_provider_says_who_not_what_he_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        real_provider(sub="1002", preferred_username="<i>wang</i>") as issuer,
        office_with(monkeypatch, tmp_path, issuer) as client,
    ):
        query = urlsplit(agree(begin(client), "1002")).query
        answer = refused(client, query, "这里没有这个名字的用户")
        assert "<i>" not in answer.text
        with services_of(client).reading() as session:
            assert len(AccountRepository(session).all()) == 2
        assert log(client) == [(Action.LOGIN_FAILED, "")]
        # The page that says so has the form, and it works.
        with_password(client)
        form = {"csrf": csrf(answer.text), "name": "ligong", "password": PASSWORD}
        assert client.post("/login", data=form).status_code == 303


# -- with one that lies --------------------------------------------------------------------


def test_a_provider_that_keeps_the_rules_is_believed(client: TestClient, liar: Liar) -> None:
    done = client.get(f"{CALLBACK}?{liar.authorize(begin(client, '/needs'))}")
    assert (done.status_code, done.headers["location"]) == (303, "/needs")
    session = next(c for c in done.headers.get_list("set-cookie") if "zhitong=" in c)
    assert {"HttpOnly", "Secure", "SameSite=lax"} <= set(session.split("; "))
    [sent] = liar.said
    assert sent["redirect_uri"] == f"https://testserver{CALLBACK}"
    assert "client_secret" not in sent


def changed(**claims: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        found.update(claims)
        for name in [name for name, value in found.items() if value is None]:
            del found[name]

    return change


NOT_FOR_US = [
    changed(nonce="another's"),
    changed(nonce=None),
    changed(aud="another-client"),
    changed(aud=["another-client"]),
    changed(aud=None),
    changed(aud=[CLIENT, "another"]),
    changed(aud=[CLIENT, "another"], azp="another"),
    changed(azp="another"),
    changed(iss="https://evil.example"),
    changed(iss=None),
    changed(sub=None),
    changed(exp=int(time.time()) - 120),
    changed(exp=None),
    changed(exp="never"),
    changed(iat=int(time.time()) + 3600),
    changed(iat=None),
    changed(preferred_username=None),
    changed(preferred_username=""),
    changed(preferred_username=["ligong"]),
]


def test_a_token_that_is_not_for_this_login_is_refused(client: TestClient, liar: Liar) -> None:
    for change in NOT_FOR_US:
        query = liar.authorize(begin(client))
        liar.change = change
        refused(client, query)
        assert liar.spent
    assert log(client) == []


def test_a_token_for_several_says_that_it_was_issued_to_us(client: TestClient, liar: Liar) -> None:
    query = liar.authorize(begin(client))
    liar.change = changed(aud=[CLIENT, "another"], azp=CLIENT)
    assert client.get(f"{CALLBACK}?{query}").status_code == 303


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    ]
    return ".".join([*encoded, ""])


def test_a_token_that_nobody_or_another_signed_is_refused(client: TestClient, liar: Liar) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    public = liar.key.as_pem(private=False)

    def by_stranger(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, stranger, ["RS256"])

    def with_public_key_as_secret(claims: dict[str, Any]) -> str:
        key = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
        return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key, ["HS256"])

    def changed_after(claims: dict[str, Any]) -> str:
        head, _, tail = liar.signed(claims).split(".")
        body = json.dumps({**claims, "preferred_username": "user.administrator"}).encode()
        return f"{head}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.{tail}"

    def unknown_key(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "two"}, claims, liar.key, ["RS256"])

    for sign in (unsigned, by_stranger, changed_after, unknown_key, lambda _: "", lambda _: "a.b.c",
                 lambda _: "x" * 10**6, with_public_key_as_secret):  # fmt: skip
        query = liar.authorize(begin(client))
        liar.sign = sign
        refused(client, query)


def test_an_answer_to_another_browser_is_refused(client: TestClient, liar: Liar) -> None:
    """An attacker's own answer, given to somebody so that he works in the attacker's account."""
    query = liar.authorize(begin(client))
    with TestClient(client.app, base_url="https://testserver", follow_redirects=False) as victim:
        without = victim.get(f"{CALLBACK}?{query}")
        assert (without.status_code, without.headers["location"]) == (303, "/login")
        begin(victim)
        refused(victim, query)
    assert liar.said == []  # the code was not even tried


TAMPERED: list[Callable[[str], str]] = [
    lambda q: q.replace("state=", "state=x"),
    lambda q: q.partition("&")[0],
    lambda q: q.replace(CODE, "guessed"),
    lambda q: q.replace(CODE, ""),
    lambda q: f"{q}&iss=https://evil.example",
    lambda q: f"{q}&state=x",
    lambda q: f"error=access_denied&{q.partition('&')[2]}",
    lambda _: "",
    lambda _: "state=%FF",
]


def test_a_tampered_answer_is_refused(client: TestClient, liar: Liar) -> None:
    for tampered in TAMPERED:
        refused(client, tampered(liar.authorize(begin(client))))


def test_the_code_is_worth_nothing_without_the_browser_that_began(
    client: TestClient, liar: Liar
) -> None:
    """PKCE: even with the state right, the verifier is another's."""
    query = liar.authorize(begin(client))
    liar.challenge = "of another"
    refused(client, query)


ASTRAY = [
    changed(issuer="https://evil.example"),
    changed(**{"token_endpoint": "http://evil.example/"}),
    changed(authorization_endpoint="javascript:alert(1)"),
    changed(jwks_uri=None),
    changed(authorization_endpoint="http://[broken"),
]


def test_a_provider_that_leads_astray_is_not_followed(client: TestClient, liar: Liar) -> None:
    for liar.discovery in ASTRAY:
        answer = client.get("/login/oidc")
        assert (answer.status_code, "统一登录没有成功" in answer.text) == (401, True)


def test_a_provider_that_does_not_answer_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with lying_provider() as gone:
        issuer = gone.issuer
    with office_with(monkeypatch, tmp_path, issuer) as client, caplog.at_level(logging.WARNING):
        answer = client.get("/login/oidc")
        assert (answer.status_code, "用户名和密码" in answer.text) == (401, True)
    assert "login refused: discovery: ConnectError" in caplog.text


def test_a_disabled_account_stays_out(client: TestClient, liar: Liar) -> None:
    with services_of(client).writing() as session:
        account = AccountRepository(session).disable("ligong", now_at())
    refused(client, liar.authorize(begin(client)), "已停用")
    assert log(client) == [(Action.LOGIN_FAILED, f"user:{account.id}")]


def test_a_password_for_one_login_is_void_after_another_way_in(
    client: TestClient, liar: Liar
) -> None:
    with services_of(client).writing() as session:
        AccountRepository(session).set_password("ligong", PASSWORD, now_at(), must_change=True)
    assert client.get(f"{CALLBACK}?{liar.authorize(begin(client))}").status_code == 303
    assert client.get("/needs").status_code == 200
    client.cookies.clear()
    assert submit(client, "ligong", PASSWORD).status_code == 401


def test_only_a_verified_address_is_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, liar: Liar
) -> None:
    with office_with(monkeypatch, tmp_path, liar.issuer, "email") as client:
        create(services_of(client), Role.OFFICER, "li@example.cn")
        for verified, status in ((False, 401), (None, 401), ("true", 401), (True, 303)):
            liar.claims = {"email": "li@example.cn", "email_verified": verified}
            answer = client.get(f"{CALLBACK}?{liar.authorize(begin(client))}")
            assert answer.status_code == status


def test_nobody_is_sent_elsewhere_afterwards(client: TestClient, liar: Liar) -> None:
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"):
        done = client.get(f"{CALLBACK}?{liar.authorize(begin(client, wanted))}")
        assert done.headers["location"] == "/"
        client.cookies.clear()
        query = liar.authorize(begin(client))
        kept = client.cookies[COOKIE].partition(".")[0]
        client.cookies.clear()
        client.cookies.set(COOKIE, f"{kept}.{wanted}")
        assert client.get(f"{CALLBACK}?{query}").headers["location"] == "/"
        client.cookies.clear()


def test_what_is_derived_tells_nothing_of_the_secret(client: TestClient) -> None:
    asked = parse_qs(urlsplit(begin(client)).query)
    secret = client.cookies[COOKIE].partition(".")[0]
    values = {asked[name][0] for name in ("state", "nonce", "code_challenge")}
    assert len(values) == 3
    assert secret not in str(asked)


def test_without_a_provider_there_is_no_such_door(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with office(monkeypatch, tmp_path) as client:
        with_password(client)
        assert "统一登录" not in client.get("/login").text
        for path in ("/login/oidc", f"{CALLBACK}?code=x&state=y"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://id.example", True), ("http://127.0.0.1:9400", True), ("http://[::1]:1/x", True),
        ("http://localhost:1", True), ("http://id.example", False), ("http://127.0.0.1.evil.example",
        False), ("ftp://id.example", False), ("https://", False), ("x", False), ("http://[", False),
    ],
)  # fmt: skip
def test_only_the_loopback_may_do_without_https(address: str, good: bool) -> None:
    assert is_protected(address) == good
    if not good:
        with pytest.raises(ValidationError):
            Settings(oidc_issuer=address)
