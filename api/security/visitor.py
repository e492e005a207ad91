"""Who a request comes from: a value that the guard makes and everything else reads."""

from __future__ import annotations

from dataclasses import dataclass

from api.security.audit import Actor
from corpus.confidentiality import EVERY_ROW, NO_ROW, Role, RowScope


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the door, known or not."""

    role: Role
    scope: RowScope
    actor: Actor
    name: str = ""
    """Name of the account; empty: nobody is logged in."""
    secret: str = ""
    """Of the session, or of a browser that is about to log in; empty: neither."""
    by_token: bool = False
    """A program with a personal token, no browser."""
    must_change_password: bool = False
    """May change it and log out, nothing else."""
    is_open: bool = False
    """Nobody needs to log in: the demonstration."""

    @property
    def is_known(self) -> bool:
        """Whether it may be asked what the role may do."""
        return bool(self.name)


def nobody(actor: Actor, secret: str = "") -> Visitor:
    """Who has not logged in: nothing is there for him."""
    return Visitor(Role.GUEST, NO_ROW, actor, secret=secret)


def demonstration(role: Role, actor: Actor) -> Visitor:
    """Whoever looks at the demonstration, which is open to everybody on this machine."""
    return Visitor(role, EVERY_ROW, actor, name="演示", is_open=True)
