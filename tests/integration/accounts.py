"""Accounts for tests: somebody of a role, logged in or with a token, without a password."""

from __future__ import annotations

from fastapi.testclient import TestClient

from api.clock import now_at
from api.security.accounts import Account, AccountRepository, account_of
from api.security.credentials import SessionRepository, TokenRepository
from api.security.secrets import form_token
from api.services import Services
from api.tables import UserTable
from corpus.confidentiality import Role


def services_of(client: TestClient) -> Services:
    """Those of a client's app."""
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


def create(
    services: Services, role: Role, name: str = "", county: str = "", organisation: str = ""
) -> Account:
    """An account that no password opens; made once, with an administrator beside it."""
    name = name or f"user.{role.name.lower()}"
    with services.writing() as session:
        accounts = AccountRepository(session)
        known = accounts.find(name)
        if known:
            return known[0]
        wanted = [(name, role, county, organisation)]
        if not accounts.has_administrator():
            wanted.append(("first.admin", Role.ADMINISTRATOR, "", ""))
        rows = [
            UserTable(
                name=name, role=role.value, county=county, organisation=organisation,
                password_hash="", created_at=now_at(), password_changed_at=now_at(),
            )
            for name, role, county, organisation in wanted
        ]  # fmt: skip
        for row in rows:
            session.add(row)
        session.flush()
        return account_of(rows[0])


def log_in(client: TestClient, role: Role, **wanted: str) -> Account:
    """The client is from here on the browser of somebody of this role."""
    services = services_of(client)
    account = create(services, role, **wanted)
    with services.writing() as session:
        secret = SessionRepository(session, services.lifetimes).open(account.id, now_at())
    client.cookies.clear()
    client.cookies.set("__Host-zhitong", secret)
    client.headers["X-CSRF-Token"] = form_token(secret)
    return account


def token(services: Services, account: Account) -> str:
    """A personal token, as a header."""
    with services.writing() as session:
        _, secret = TokenRepository(session).create(account, "测试", 30, now_at())
    return f"Bearer {secret}"
