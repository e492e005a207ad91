"""A real SMTP server in this process, that misbehaves on request."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller

Fault = Callable[[int, str], str | None]
"""Number of the RCPT (from 1) and the recipient → what to answer; None: take it."""


class Server:
    """What a server took: every mail, in order."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Message]] = []
        self.on_recipient: Fault = lambda _number, _recipient: None
        self.on_data: Fault = lambda _number, _recipient: None
        """``CLOSE``: take the mail and hang up without an answer."""
        self._recipients = 0
        self.port = 0

    @property
    def ids(self) -> Counter[str]:
        """How often each Message-ID came."""
        return Counter(str(mail["Message-ID"]) for _, mail in self.taken)

    @property
    def recipients(self) -> Counter[str]:
        """How often each recipient got something."""
        return Counter(recipient for recipient, _ in self.taken)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self._recipients += 1
        said = self.on_recipient(self._recipients, address)
        if said is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        [recipient] = envelope.rcpt_tos
        said = self.on_data(self._recipients, recipient)
        if said is None or said == "CLOSE":
            self.taken.append((recipient, message_from_bytes(envelope.content)))
        if said == "CLOSE":
            server.transport.abort()
        return said or "250 OK"


@contextmanager
def smtp_server(**options: Any) -> Iterator[Server]:
    """A server on this machine."""
    server = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
