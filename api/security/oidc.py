"""Logging in by an OpenID Connect provider: authorization code with PKCE (RFC 7636), state, nonce.

A login is bound to the browser that began it by one random secret in its cookie; what the provider
is told (state, nonce, the challenge) is derived from it and kept nowhere. Signatures and keys are
checked by joserfc, requests made by httpx; nothing is remembered between logins, so a provider
may change its keys at any time. Rules: OpenID Connect Core 1.0, 3.1.3.7; RFC 9207 for ``iss``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.protected import is_protected
from api.security.errors import AccountError

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
               "EdDSA")  # fmt: skip
"""Signed with a key of the provider: neither unsigned nor with a secret that others know."""
_CLOCKS_DIFFER_S = 60
_TIMEOUT_S = 10.0
_DISCOVERY = "/.well-known/openid-configuration"
_log = logging.getLogger("zhitong.oidc")


class OidcError(AccountError):
    """A login by the provider that came to nothing. What was wrong is in the log: a person can do
    nothing about it, and somebody else should not learn it."""

    def __init__(self, reason: str) -> None:
        super().__init__("统一登录没有成功。请再试一次；还不行，请用用户名和密码登录或找管理员。")
        _log.warning("login refused: %s", reason)


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """What the provider knows us by."""

    issuer: str
    client_id: str
    client_secret: str
    """Empty: a public client, which PKCE alone protects."""
    claim: str
    """Of the ID token: its value is the name of an account."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One login of one browser."""

    secret: str
    """In the browser's cookie."""

    @property
    def state(self) -> str:
        """Comes back with the answer."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Comes back in the ID token."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Shows the provider that who brings the code is who asked for it."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, name: str) -> str:
        key = self.secret.encode("utf-8", "replace")
        return _encoded(hmac.digest(key, f"zhitong oidc {name}".encode(), "sha256"))


class Provider:
    """The provider of the settings. Safe for threads."""

    def __init__(self, config: OidcConfig, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock

    def begin(self, flow: Flow, redirect_uri: str) -> str:
        """Where the browser goes.

        Raises:
            OidcError: the provider does not answer, or is another.
        """
        with self._client() as client:
            known = self._metadata(client)
        asked = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile email",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        address = known["authorization_endpoint"]
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"

    def finish(self, flow: Flow, redirect_uri: str, answer: Mapping[str, str]) -> str:
        """Whom the provider vouches for: the value of the claim.

        ``answer``: the query with which the browser came back.

        Raises:
            OidcError: it is no answer to this login, or not a good one.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), flow.state.encode()):
            raise OidcError("state is another's")
        if answer.get("iss", self._config.issuer) != self._config.issuer:
            raise OidcError("the answer names another issuer")
        code = answer.get("code", "")
        if not code:
            raise OidcError("no code")
        with self._client() as client:
            known = self._metadata(client)
            token = self._token(client, known, code, flow, redirect_uri)
            keys = _fetched("jwks", lambda: client.get(known["jwks_uri"]))
        return self._vouched(token, keys, flow.nonce)

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=_TIMEOUT_S)

    def _metadata(self, client: httpx.Client) -> dict[str, str]:
        issuer = self._config.issuer
        address = f"{issuer.rstrip('/')}{_DISCOVERY}"
        found = _fetched("discovery", lambda: client.get(address))
        if found.get("issuer") != issuer:
            raise OidcError("discovery names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_protected(str(found.get(name, ""))):
                raise OidcError(f"{name} is missing or not https")
        return found

    def _token(
        self, client: httpx.Client, known: Mapping[str, Any], code: str, flow: Flow, redirect: str
    ) -> str:
        config = self._config
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": flow.verifier,
        }
        # RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
        names = quote_plus(config.client_id), quote_plus(config.client_secret)
        methods = known.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = bool(config.client_secret) and "client_secret_basic" in methods
        if not basic:
            form["client_id"] = config.client_id
            if config.client_secret:
                form["client_secret"] = config.client_secret
        auth = httpx.BasicAuth(*names) if basic else httpx.USE_CLIENT_DEFAULT
        token = _fetched(
            "token", lambda: client.post(known["token_endpoint"], data=form, auth=auth)
        ).get("id_token")
        if not isinstance(token, str):
            raise OidcError("no ID token")
        return token

    def _vouched(self, token: str, keys: Any, nonce: str) -> str:
        config = self._config
        wanted = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_CLOCKS_DIFFER_S,
            iss={"essential": True, "value": config.issuer},
            aud={"essential": True, "value": config.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, KeySet.import_key_set(keys), _ALGORITHMS).claims
            wanted.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError(f"ID token: {type(error).__name__}") from error
        shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if shared else config.client_id) != config.client_id:
            raise OidcError("ID token is for another client")
        value = claims.get(config.claim)
        if not isinstance(value, str) or not value:
            raise OidcError(f"ID token has no claim {config.claim}")
        if config.claim == "email" and claims.get("email_verified") is not True:
            raise OidcError("the provider has not verified the address")
        return value


def _fetched(what: str, ask: Callable[[], httpx.Response]) -> dict[str, Any]:
    """A JSON object of the provider's; ``what``: for the log."""
    try:
        answer = ask()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OidcError(f"{what}: {type(error).__name__}") from error
    if answer.status_code != 200:
        raise OidcError(f"{what}: status {answer.status_code}")
    try:
        found = answer.json()
    except ValueError as error:
        raise OidcError(f"{what}: no JSON") from error
    if not isinstance(found, dict):
        raise OidcError(f"{what}: no JSON object")
    return found


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
