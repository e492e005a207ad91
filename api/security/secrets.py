"""Random secrets, what is stored of them, and the form tokens that are bound to a session."""

from __future__ import annotations

import hashlib
import hmac
import secrets

TOKEN_SIGN = "zt_"  # noqa: S105 — what a leaked token is recognised by
_BYTES = 32


def new_secret() -> str:
    """256 random bits, fit for a cookie."""
    return secrets.token_urlsafe(_BYTES)


def new_token() -> str:
    """A personal token, as it is shown once."""
    return TOKEN_SIGN + new_secret()


def fingerprint(secret: str) -> str:
    """SHA-256: enough for random secrets, which nobody can try one after the other."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def form_token(secret: str) -> str:
    """What a form must send back: only who holds the session's secret can make it (HMAC)."""
    return hmac.new(secret.encode("utf-8", "replace"), b"zhitong form", "sha256").hexdigest()


def is_form_token(given: str, secret: str) -> bool:
    """Whether ``given`` belongs to the session; takes as long for every wrong one."""
    expected = form_token(secret)
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
