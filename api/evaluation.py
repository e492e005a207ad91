"""``zhitong eval``: the one place of the edge that loads the evaluation package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    pass

eval_app = typer.Typer(help="度量排序质量。", no_args_is_help=True)
