"""``zhitong serve``: the web page and the API."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

import typer

from api.console import err, out, progress
from api.running import current_settings, demo_settings, fail, reported_errors
from corpus.confidentiality import Role

if TYPE_CHECKING:
    from api.services import Services
    from api.settings import Settings

_DEMO_ROLE = Role.OFFICER


def serve(
    host: Annotated[str, typer.Option(help="监听地址；0.0.0.0 让局域网可访问。")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口。")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="进程数；每个进程各载入一份模型，约占 0.9 GB 内存。")
    ] = 1,
    demo_data: Annotated[
        bool,
        typer.Option("--demo", help="使用 zhitong demo 的示例数据，不用登录；只在本机。"),
    ] = False,
) -> None:
    """启动网页和 API。"""
    from api import serving
    from api.app import create_app

    settings = demo_settings(current_settings()) if demo_data else current_settings()
    _refuse_open_doors(settings, host, demo_data)
    if bool(settings.oidc_issuer) != bool(settings.oidc_client_id):
        fail("ZHITONG_OIDC_ISSUER 和 ZHITONG_OIDC_CLIENT_ID 要一起设，或都不设。")
    if demo_data and workers > 1:
        fail("示例只用一个进程：请去掉 --workers。")
    if problem := serving.port_problem(host, port):
        fail(problem)
    app = create_app(settings, open_as=_DEMO_ROLE if demo_data else None)
    services: Services = app.state.services
    with reported_errors(), progress() as update:
        # Here, where what is missing is one sentence; the server would print a traceback.
        if workers == 1:
            services.prepare(update)
            services.warm()
        else:
            services.decode_model(update)
        _ = services.database
    _say(services, host, port, demo_data)
    if workers == 1:
        serving.run(app, settings, host, port)
        return
    services.close()
    serving.run_workers(settings, host, port, workers)


def _refuse_open_doors(settings: Settings, host: str, demo_data: bool) -> None:
    if _is_loopback(host):
        return
    if demo_data:
        fail("示例不用登录，所以只能在本机打开：请去掉 --host，或用自己的数据和用户启动。")
    if settings.plain_http:
        fail("ZHITONG_PLAIN_HTTP 只用于本机。监听其他地址时请去掉它，用 https 反向代理。")


def _say(services: Services, host: str, port: int, demo_data: bool) -> None:
    from matcher.ranking_models import RankingError

    out.print(
        f"网页：http://{host}:{port}/　接口说明（OpenAPI）：http://{host}:{port}/openapi.json",
        highlight=False,
    )
    if demo_data:
        err.print(f"注意：示例数据，任何人不用登录就是“{_DEMO_ROLE.value}”，只在本机可以打开。")
    elif not services.has_administrator():
        err.print("还没有管理员，网页暂不能用。请另开窗口运行：zhitong user create-admin 用户名")
    try:
        services.ranking_model()
    except RankingError as error:
        err.print(f"注意：暂时不能匹配。{error}", markup=False, highlight=False)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def add_to(app: typer.Typer) -> None:
    """Register this command."""
    app.command()(serve)
