"""``zhitong user``, ``token``, ``audit``, ``routes``: who may do what, and who did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.clock import TIME_ZONE, now_at
from api.commands.auditing import operator
from api.commands.options import MOST_ROWS, JsonOption
from api.console import err, local_time, out, print_json
from api.running import fail, opened
from api.security.audit import Action, AuditLog
from corpus.confidentiality import Role

if TYPE_CHECKING:
    from sqlmodel import Session

    from api.security.accounts import Account, AccountRepository
    from api.security.credentials import Token
    from api.services import Services

_ROUTES_WIDTH = 140  # in which no address is broken

user_app = typer.Typer(help="用户：新建、停用、改角色、重设密码。", no_args_is_help=True)
token_app = typer.Typer(help="程序用的个人令牌。", no_args_is_help=True)
audit_app = typer.Typer(help="审计日志：谁在什么时候做了什么。", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="用户名。")]
RoleChoice = Annotated[Role, typer.Option("--role", help="角色。")]
CountyOption = Annotated[str, typer.Option("--county", help="只用于县区查看。例：迁安市")]
OrganisationOption = Annotated[
    str, typer.Option("--organisation", help="只用于机构：单位名称，与成果里的一致。")
]


@contextmanager
def _changing(services: Services) -> Iterator[tuple[AccountRepository, AuditLog, Session]]:
    from api.security.accounts import AccountRepository

    with services.writing() as session:
        yield AccountRepository(session), AuditLog(session), session


def new_password(name: str) -> str:
    """From the terminal, unseen and twice, or the first line of standard input. Never from an
    argument: everybody on the machine sees those."""
    from api.security.errors import PasswordRuleError
    from api.security.passwords import RULE, checked_password

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    err.print(f"密码要求：{RULE}", soft_wrap=True, highlight=False)
    while True:
        typed: str = typer.prompt("密码", hide_input=True, err=True)
        try:
            checked_password(typed, name)
        except PasswordRuleError as error:
            err.print(escape(str(error)), soft_wrap=True, highlight=False)
            continue
        if typer.prompt("再写一遍", hide_input=True, err=True) == typed:
            return typed
        err.print("两次写的不一样，请重新写。")


# -- users ---------------------------------------------------------------------------------


def _create(name: str, role: Role, county: str = "", organisation: str = "") -> Account:
    from api.security.accounts import checked_scope
    from api.security.passwords import account_name

    with opened() as services:
        checked_scope(role, county, organisation)  # before somebody thinks of a password
        password = new_password(account_name(name))
        with _changing(services) as (accounts, log, _):
            made = accounts.create(name, role, password, now_at(), county, organisation)
            log.note(Action.USER_CREATED, operator(), made.subject, now_at())
    return made


@user_app.command("create-admin")
def create_admin(name: NameArgument) -> None:
    """新建管理员；第一个管理员就这样建。密码在提示后输入，或由标准输入给出。"""
    made = _create(name, Role.ADMINISTRATOR)
    out.print(f"已新建管理员 {escape(made.name)}。打开网页即可登录。", highlight=False)


@user_app.command("create")
def create(
    name: NameArgument,
    role: RoleChoice,
    county: CountyOption = "",
    organisation: OrganisationOption = "",
) -> None:
    """新建用户。密码在提示后输入，或由标准输入给出。"""
    made = _create(name, role, county, organisation)
    out.print(f"已新建用户 {escape(made.name)}（{made.role.value}）。", highlight=False)


@user_app.command("list")
def list_users(as_json: JsonOption = False) -> None:
    """全部用户。"""
    from api.security.accounts import AccountRepository

    with opened() as services, services.reading() as session:
        found = AccountRepository(session).all()
    if as_json:
        print_json([_plain(account) for account in found])
        return
    if not found:
        out.print("还没有用户。新建管理员：zhitong user create-admin 用户名")
        return
    table = Table()
    for name in ("用户名", "角色", "范围", "新建", "状态"):
        table.add_column(name)
    for account in found:
        table.add_row(
            escape(account.name), account.role.value,
            escape(account.county or account.organisation), local_time(account.created_at),
            f"{local_time(account.disabled_at)} 停用" if account.disabled_at else "",
        )  # fmt: skip
    out.print(table)


@user_app.command("disable")
def disable(name: NameArgument) -> None:
    """停用：不能再登录，令牌吊销，做过的事保留。"""
    with opened() as services, _changing(services) as (accounts, log, _):
        account = accounts.disable(name, now_at())
        log.note(Action.USER_DISABLED, operator(), account.subject, now_at())
    out.print(f"已停用 {escape(account.name)}，他的登录和令牌都已失效。", highlight=False)


@user_app.command("enable")
def enable(name: NameArgument) -> None:
    """恢复停用的用户；令牌要重新建。"""
    with opened() as services, _changing(services) as (accounts, log, _):
        account = accounts.enable(name)
        log.note(Action.USER_ENABLED, operator(), account.subject, now_at())
    out.print(f"{escape(account.name)} 又可以登录了。", highlight=False)


@user_app.command("set-role")
def set_role(
    name: NameArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="新的角色。")],
    county: CountyOption = "",
    organisation: OrganisationOption = "",
) -> None:
    """改角色；他的登录和令牌都失效。"""
    with opened() as services, _changing(services) as (accounts, log, _):
        account = accounts.set_role(name, role, now_at(), county, organisation)
        log.note(Action.ROLE_CHANGED, operator(), account.subject, now_at())
    out.print(f"{escape(account.name)} 现在是{account.role.value}，请他重新登录。", highlight=False)


@user_app.command("reset-password")
def reset_password(name: NameArgument) -> None:
    """重设忘记的密码；他的登录和令牌都失效。"""
    from api.security.passwords import account_name

    with opened() as services:
        password = new_password(account_name(name))
        with _changing(services) as (accounts, log, _):
            account = accounts.set_password(name, password, now_at())
            accounts.revoke_tokens(account.id, now_at())
            log.note(Action.PASSWORD_RESET, operator(), account.subject, now_at())
    out.print(f"已重设 {escape(account.name)} 的密码。", highlight=False)


# -- tokens --------------------------------------------------------------------------------


@token_app.command("create")
def create_token(
    user: Annotated[str, typer.Argument(metavar="USER", help="以谁的身份。")],
    name: Annotated[str, typer.Option("--name", help="用在哪里。例：每晚导出")],
    days: Annotated[int, typer.Option("--days", help="有效多少天，最多 366。")] = 90,
    as_json: JsonOption = False,
) -> None:
    """新建令牌，只显示这一次。请求时放在 Authorization: Bearer 之后。"""
    from api.security.credentials import TokenRepository

    with opened() as services, _changing(services) as (accounts, log, session):
        account = accounts.require(user)
        token, secret = TokenRepository(session).create(account, name, days, now_at())
        log.note(Action.TOKEN_CREATED, operator(), f"token:{token.id}", now_at())
    if as_json:
        print_json({**_plain(token), "token": secret})
        return
    err.print(f"令牌 {token.id} 有效到 {local_time(token.expires_at)}，只显示这一次，请马上保存：")
    out.print(secret, soft_wrap=True, highlight=False)


@token_app.command("list")
def list_tokens(
    user: Annotated[str | None, typer.Argument(metavar="USER", help="只看他的。")] = None,
    as_json: JsonOption = False,
) -> None:
    """全部令牌（不含令牌本身）。"""
    from api.security.accounts import AccountRepository
    from api.security.credentials import TokenRepository

    with opened() as services, services.reading() as session:
        account = AccountRepository(session).require(user) if user is not None else None
        found = TokenRepository(session).all(account.id if account else None)
    if as_json:
        print_json([_plain(token) for token in found])
        return
    if not found:
        out.print("没有令牌。")
        return
    table = Table()
    for name in ("编号", "用户", "名称", "有效到", "最近使用", "状态"):
        table.add_column(name)
    for token in found:
        state = "已吊销" if token.revoked_at else "已过期" if token.expires_at <= now_at() else ""
        table.add_row(
            str(token.id), escape(token.user), escape(token.name), local_time(token.expires_at),
            local_time(token.seen_at) if token.seen_at else "", state,
        )  # fmt: skip
    out.print(table)


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=MOST_ROWS, help="编号。")],
) -> None:
    """吊销令牌，马上失效。"""
    from api.security.credentials import TokenRepository

    with opened() as services, _changing(services) as (_, log, session):
        token: Token = TokenRepository(session).revoke(token_id, now_at())
        log.note(Action.TOKEN_REVOKED, operator(), f"token:{token.id}", now_at())
    out.print(f"已吊销 {escape(token.user)} 的令牌 {token.id}。", highlight=False)


# -- the log and the table -----------------------------------------------------------------


@audit_app.command("list")
def list_audit(
    since: Annotated[
        str, typer.Option("--since", help="从何时起。例：2026-11-01 或 2026-11-01T08:30")
    ] = "",
    action: Annotated[Action | None, typer.Option("--action", help="只看这一种。")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100_000, help="最多几条。")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """审计日志，新的在前。只增不改，不含密码、正文和联系方式。"""
    with opened() as services, services.reading() as session:
        found = AuditLog(session).entries(_moment(since) if since else None, action, limit)
    if as_json:
        print_json(
            [
                {
                    "id": entry.id,
                    "happened_at": entry.happened_at.isoformat(),
                    "action": entry.action.value,
                    "user": entry.user or None,
                    **asdict(entry.actor),
                    "subject": entry.subject,
                }
                for entry in found
            ]
        )
        return
    if not found:
        out.print("没有记录。")
        return
    table = Table()
    for name in ("时间", "谁", "动作", "对象", "从哪里"):
        table.add_column(name)
    for entry in found:
        who = entry.user or (f"命令行 {entry.actor.operator}" if entry.actor.operator else "")
        table.add_row(
            local_time(entry.happened_at), escape(who), entry.action.value, escape(entry.subject),
            escape(entry.actor.address),
        )  # fmt: skip
    out.print(table)


def routes(as_json: JsonOption = False) -> None:
    """每个地址谁能用、看到哪些记录：由程序实际使用的权限表打印。"""
    from api.security.accounts import ROLES
    from api.security.policy import POLICY, rows_label

    rows = [
        {
            "method": method,
            "path": path,
            "without_login": rule.public,
            "roles": {role.value: rows_label(rule, role) or None for role in ROLES},
        }
        for (method, path), rule in POLICY.items()
    ]
    if as_json:
        print_json(rows)
        return
    table = Table()
    table.add_column("地址", no_wrap=True)
    for name in ("未登录", *(role.value for role in ROLES)):
        table.add_column(name)
    for (method, path), rule in POLICY.items():
        cells = [rows_label(rule, role) or "—" for role in ROLES]
        table.add_row(escape(f"{method} {path}"), "可用" if rule.public else "—", *cells)
    Console(width=max(out.width, _ROUTES_WIDTH)).print(table)


def _moment(typed: str) -> datetime:
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        fail(f"--since 的时间 {typed} 无法识别。示例：2026-11-01 或 2026-11-01T08:30")
    return moment if moment.tzinfo else moment.replace(tzinfo=TIME_ZONE)


def _plain(value: Account | Token) -> dict[str, Any]:
    return {
        name: field.isoformat() if isinstance(field, datetime) else field
        for name, field in asdict(value).items()
    }


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    for group, name in ((user_app, "user"), (token_app, "token"), (audit_app, "audit")):
        app.add_typer(group, name=name)
    app.command()(routes)
