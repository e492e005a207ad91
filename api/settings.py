"""All settings: read once from the environment (prefix ``ZHITONG_``) and passed down."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from api.observability.logs import LogFormat
from api.protected import is_protected

NO_PROXY = "none"


def _proxies(typed: str) -> str:
    if typed.strip().lower() == NO_PROXY:
        return NO_PROXY
    try:
        networks = [ipaddress.ip_network(part.strip()) for part in typed.split(",")]
    except ValueError:
        raise ValueError(
            "应是反向代理的 IP 地址或网段，用英文逗号分开，例如 127.0.0.1,10.0.0.0/24；"
            "没有反向代理则写 none"
        ) from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("不能写全部地址：否则谁都可以冒充别人的地址")
    return ",".join(str(network) for network in networks)


def _issuer(typed: str) -> str:
    if typed and not is_protected(typed):
        raise ValueError("应是 https 开头的地址（只有本机可以是 http）")
    return typed


Issuer = Annotated[str, AfterValidator(_issuer)]
Proxies = Annotated[str, AfterValidator(_proxies)]


class Settings(BaseSettings):
    """What an administrator may set; the README's table is checked against this class.

    An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(env_prefix="ZHITONG_", env_ignore_empty=True, extra="forbid")

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("zhitong")),
        description="Folder of the embedded database and the indexes.",
    )
    cache: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("zhitong")),
        description="Folder of the decoded default model; may be deleted at any time.",
    )
    database_url: str = Field(
        default="",
        description="Empty for SQLite below ZHITONG_HOME, or postgresql://user:password@host/db.",
    )
    encoder: str = Field(
        default="builtin",
        description="builtin, a preset (bge-small-zh-v1.5, bge-m3, Qwen3-Embedding-0.6B) "
        "or the folder of a sentence-transformers model.",
    )
    encoder_query_prompt: str | None = Field(
        default=None, description="Put before queries; unset for the preset's or model's own."
    )
    encoder_passage_prompt: str | None = Field(
        default=None, description="Put before documents; unset for the preset's or model's own."
    )
    adapter: str = Field(
        default="builtin",
        description="builtin (fits the default model to this task), none, or an adapter's file.",
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads for the encoder; unset for one per core."
    )
    session_idle_minutes: int = Field(
        default=120, ge=5, le=1440, description="A login ends after so long without a request."
    )
    session_hours: int = Field(
        default=12, ge=1, le=168, description="A login ends after so long in any case."
    )
    requests_per_minute: int = Field(
        default=600, ge=1, description="Most requests of one account or token to one process."
    )
    upload_megabytes: int = Field(
        default=50, ge=1, le=1024, description="Largest file that can be sent for import."
    )
    oidc_issuer: Issuer = Field(
        default="", description="OpenID Connect provider that people may log in by; https."
    )
    oidc_client_id: str = Field(
        default="", description="What it knows this program by; needed with an issuer."
    )
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Of the client; empty for a public client."
    )
    oidc_claim: str = Field(
        default="preferred_username",
        min_length=1,
        description="Claim of the ID token that is the name of an account.",
    )
    trusted_proxies: Proxies = Field(
        default="127.0.0.1,::1",
        description="Addresses or networks of reverse proxies whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed, with commas between; none: nobody's.",
    )
    shutdown_seconds: int = Field(
        default=30, ge=1, le=600, description="How long requests may go on after the stop signal."
    )
    log_format: LogFormat | None = Field(
        default=None, description="json or plain; unset for plain on a terminal, json elsewhere."
    )
    plain_http: bool = Field(
        default=False,
        description="Cookies also without https; only for a server on this machine's loopback.",
    )

    @property
    def resolved_database_url(self) -> str:
        """The URL given, or that of the embedded database."""
        if self.database_url:
            return self.database_url
        # Not by hand: a "?" or "#" in the folder's name would end the path.
        path = str(self.home / "zhitong.db")
        return URL.create("sqlite", database=path).render_as_string(hide_password=False)

    @property
    def index_folder(self) -> Path:
        return self.home / "index"

    @property
    def upload_folder(self) -> Path:
        return self.home / "uploads"
