"""How a mail leaves this machine: into a folder, or to a mail server."""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from api.mail.message import MailError

_TIMEOUT_S = 60.0


class Fate(StrEnum):
    """What is known after handing a mail over."""

    SENT = "sent"
    LATER = "later"  # refused for now, or never taken: it may be tried again
    NEVER = "never"  # refused for good
    UNKNOWN = "unknown"  # handed over, and no answer came: it may have been taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fate, and the server's words."""

    fate: Fate
    reply: str = ""


class ServerDownError(MailError):
    """The mail server cannot be used; nothing was handed over."""


class Sender(Protocol):
    """Hands mails over, one after the other."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def send(self, sender: str, recipient: str, content: bytes) -> Outcome:
        """Hand one mail over.

        Raises:
            ServerDownError: the server cannot be reached or refuses us; no mail was handed over.
        """
        ...


class FolderSender:
    """Writes each mail as an ``.eml`` file, to be opened or sent by another program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServerDownError(f"不能写入邮件文件夹 {self._folder}。") from error
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, sender: str, recipient: str, content: bytes) -> Outcome:
        """Write the file; one that is there already was written before."""
        found = re.search(rb"^Message-ID: <(\w+)@", content, re.MULTILINE)
        if found is None:
            return Outcome(Fate.NEVER, "邮件没有编号")
        path = self._folder / f"{found[1].decode()}.eml"
        aside = path.with_suffix(".part")
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:
            raise ServerDownError(f"不能写入邮件文件夹 {self._folder}。") from error
        return Outcome(Fate.SENT, path.name)


class Security(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """A mail server."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = ""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for a server of one's own."""


class SmtpSender:
    """Hands mails to a mail server, over one connection."""

    def __init__(self, config: SmtpConfig) -> None:
        self._config = config
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self._connection()
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def send(self, sender: str, recipient: str, content: bytes) -> Outcome:
        """Hand one mail over. Until the server has asked for the content nothing was taken; after
        that, only its answer says whether it was."""
        smtp = self._connection()
        try:
            for command, argument in (("MAIL", f"FROM:<{sender}>"), ("RCPT", f"TO:<{recipient}>")):
                code, reply = smtp.docmd(command, argument)
                if code not in {250, 251}:
                    smtp.rset()
                    return _refused(code, reply)
            code, reply = smtp.docmd("DATA")
            if code != 354:
                smtp.rset()
                return _refused(code, reply)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Outcome(Fate.LATER, _words(error))
        try:
            smtp.send(_stuffed(content))
            code, reply = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Outcome(Fate.UNKNOWN, _words(error))
        return Outcome(Fate.SENT, _text(code, reply)) if code == 250 else _refused(code, reply)

    def _connection(self) -> smtplib.SMTP:
        if self._smtp is None:
            config = self._config
            place = f"{config.host}:{config.port}"
            try:
                self._smtp = self._connected()
            except smtplib.SMTPAuthenticationError as error:
                raise ServerDownError(
                    f"邮件服务器 {place} 不接受用户名或密码。请检查 ZHITONG_SMTP_USER 和 "
                    "ZHITONG_SMTP_PASSWORD。"
                ) from error
            except ssl.SSLError as error:
                raise ServerDownError(
                    f"与邮件服务器 {place} 不能建立加密连接（{error.reason or error}）。请检查 "
                    "ZHITONG_SMTP_SECURITY 和 ZHITONG_SMTP_CA_FILE。"
                ) from error
            except (OSError, smtplib.SMTPException) as error:
                raise ServerDownError(
                    f"连不上邮件服务器 {place}（{_words(error)}）。没有发出的邮件留在发件箱里。"
                ) from error
        return self._smtp

    def _connected(self) -> smtplib.SMTP:
        config = self._config
        context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
        if config.security is Security.TLS:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=_TIMEOUT_S, context=context
            )
        else:
            smtp = smtplib.SMTP(config.host, config.port, timeout=_TIMEOUT_S)
        try:
            if config.security is Security.STARTTLS:
                smtp.starttls(context=context)  # refused where the server has none
            smtp.ehlo_or_helo_if_needed()
            if config.user:
                smtp.login(config.user, config.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            smtp.quit()
        except (OSError, smtplib.SMTPException):
            smtp.close()


def _stuffed(content: bytes) -> bytes:
    """As RFC 5321 wants it: CRLF, dots doubled at the beginning of a line, a dot at the end."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    lines = re.sub(rb"(?m)^\.", b"..", lines)
    return lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _refused(code: int, reply: bytes) -> Outcome:
    # 421 closes the connection; it is for now, as every 4.
    return Outcome(Fate.NEVER if 500 <= code < 600 else Fate.LATER, _text(code, reply))


def _text(code: int, reply: bytes) -> str:
    return f"{code} {reply.decode('utf-8', 'replace')}"[:500]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
