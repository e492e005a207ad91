"""OpenID providers for tests, on the loopback: one that others wrote, and one that lies."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.acceptance.conftest import free_port

CLIENT, SECRET = "zhitong-test", "s3cret:with colon"
CODE = "one-code"


@contextmanager
def real_provider(**claims: str) -> Iterator[str]:
    """``oidc-provider-mock`` with one person; its issuer."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "-n",
         "--user-claims", json.dumps(claims)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if "Uvicorn running on" in line or "Application startup complete" in line:
                break
        else:
            raise AssertionError("".join(said))
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)
        drain.join(timeout=30)
        process.stderr.close()


def agree(address: str, sub: str) -> str:
    """Somebody logs in at ``oidc-provider-mock``; where his browser is sent back to."""
    answer = httpx.post(address, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


Change = Callable[[dict[str, Any]], None]


@functools.cache
def own_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass(eq=False)
class Liar:
    """A provider that keeps the rules, except where a test says otherwise."""

    key: RSAKey = field(default_factory=own_key)
    change: Change = lambda _: None
    """Of the claims, before they are signed."""
    discovery: Change = lambda _: None
    sign: Callable[[dict[str, Any]], str] | None = None
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "ligong"})
    issuer: str = ""
    challenge: str = ""
    nonce: str = ""
    spent: bool = False
    said: list[dict[str, str]] = field(default_factory=list)

    def authorize(self, address: str) -> str:
        """The query that the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["response_type"] == "code"
        self.challenge, self.nonce, self.spent = asked["code_challenge"], asked["nonce"], False
        return f"code={CODE}&state={asked['state']}"

    def metadata(self) -> dict[str, Any]:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        self.discovery(found)
        return found

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str]]:
        self.said.append(form)
        made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        name, _, secret = given.partition(":")
        known = (unquote(name), unquote(secret.replace("+", " "))) == (CLIENT, SECRET)
        if not known or self.spent or form["code"] != CODE or challenge != self.challenge:
            return 400, {"error": "invalid_grant"}
        self.spent = True
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1001", "exp": now + 300, "iat": now,
            "nonce": self.nonce, **self.claims,
        }  # fmt: skip
        self.change(claims)
        signed = self.sign or self.signed
        return 200, {"id_token": signed(claims), "access_token": "x", "token_type": "Bearer"}

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key, ["RS256"])


@contextmanager
def lying_provider() -> Iterator[Liar]:
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown: dict[str, Any] = {
                "/.well-known/openid-configuration": liar.metadata(),
                "/jwks": {"keys": [liar.key.as_dict(private=False)]},
            }
            self._answer(200, shown[self.path])

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(sent).items()}
            self._answer(*liar.token(form, self.headers.get("authorization", "")))

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()
