"""What the command line adds to the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.clock import now_at
from api.commands.options import current_user
from api.security.audit import Action, Actor, AuditLog

if TYPE_CHECKING:
    from api.services import Services


def operator() -> Actor:
    """Whoever works at this machine."""
    return Actor(operator=current_user())


def noted(services: Services, action: Action, subject: str) -> None:
    """Add a line: ``subject`` is a kind and an id, or what an export held."""
    with services.writing() as session:
        AuditLog(session).note(action, operator(), subject, now_at())
