"""A mail as a value, and as the bytes that are sent.

The bytes are made once, when the mail is put into the outbox: what is approved is what is sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

_LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

# RFC 5322, 3.2.3: dot-atoms. What has to be quoted no provider gives to anybody.
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")


class MailError(Exception):
    """Base of this package's errors; the message says what happened and what to do."""


class AddressError(MailError):
    """No mail can be sent to such an address."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient. ``kind`` and ``period`` make it the only one of its sort."""

    recipient: str
    kind: str
    period: str
    subject: str
    text: str
    html: str = ""
    sender: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def checked_address(typed: str) -> str:
    """An address as it is stored: the domain in lower case.

    Raises:
        AddressError: it is none, or longer than any may be.
    """
    plain = typed.strip()
    if len(plain) > _LONGEST_ADDRESS or not plain.isascii() or _CONTROL.search(plain):
        raise AddressError(f"“{plain[:60]}”不是能用的邮箱地址。")
    try:
        found = Address(addr_spec=plain)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise AddressError(f"“{plain[:60]}”不是能用的邮箱地址。") from error
    # It is sent between angle brackets, and counted by what stands behind the @.
    plainly = _LOCAL.fullmatch(found.username) and "." in found.domain.strip(".")
    if not plainly or not _DOMAIN.fullmatch(found.domain):
        raise AddressError(f"“{plain[:60]}”不是能用的邮箱地址。")
    return f"{found.username}@{found.domain.lower()}"


def domain_of(address: str) -> str:
    """The part behind the @."""
    return address.rpartition("@")[2]


def one_line(text: str) -> str:
    """Text that may stand in a header: on one line, without marks that turn the direction."""
    return " ".join(_CONTROL.sub(" ", text).split())


def message_id(mail: Mail, host: str) -> str:
    """The same for the same mail, however often it is made."""
    named = "\n".join((mail.recipient, mail.kind, mail.period))
    return f"<{hashlib.sha256(named.encode()).hexdigest()[:32]}@{host}>"


def as_bytes(mail: Mail, host: str, made_at: datetime) -> bytes:
    """The mail in the form of RFC 5322, seven bits a byte, with lines that every server takes.

    Raises:
        AddressError: an address is none.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(mail.subject)
    message["From"] = _named(mail.sender)
    message["To"] = Address(addr_spec=checked_address(mail.recipient))
    message["Date"] = format_datetime(made_at)
    message["Message-ID"] = message_id(mail, host)
    for name, value in mail.headers.items():
        message[name] = one_line(value)
    message.set_content(mail.text, cte="base64")
    if mail.html:
        message.add_alternative(mail.html, subtype="html", cte="base64")
    return message.as_bytes()


def _named(sender: str) -> Address:
    """``直通 <a@b.cn>`` or an address alone."""
    name, bracket, rest = sender.rpartition("<")
    address = checked_address(rest.rstrip("> ") if bracket else sender)
    return Address(display_name=one_line(name), addr_spec=address)
