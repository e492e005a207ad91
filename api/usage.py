"""What is wrong with a command as it was typed, in one Chinese sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from api.console import err
from api.sentences import wrong_value

_CHOICES = re.compile(r"is not one of (?P<choices>'.*')")
_QUOTED = re.compile(r"'([^']*)'")
_EXTRA = re.compile(r"unexpected extra argument\(?s?\)? \((?P<extra>.*)\)")


class Program(TyperGroup):
    """The commands; typer's own messages would be English."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """As typer's, with what was typed wrong said in Chinese."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            if not standalone_mode:
                raise
            err.print(usage_sentence(error), soft_wrap=True, highlight=False, markup=False)
            sys.exit(error.exit_code)
        except Abort:
            if not standalone_mode:
                raise
            err.print("已取消。")
            sys.exit(1)
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)


def usage_sentence(error: TyperException) -> str:
    """What was typed wrong and where to read how it is right."""
    context = getattr(error, "ctx", None)
    help_ = f"用法：{context.command_path} --help" if context is not None else ""
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return error.format_message()
    parameter = getattr(error, "param", None)
    name = parameter.get_error_hint().replace("'", "") if parameter is not None else ""
    option = getattr(error, "option_name", "")
    said = {
        "MissingParameter": f"缺少 {name}{_choices(parameter)}。",
        "NoSuchOption": f"没有 {option} 这个选项。",
        "BadOptionUsage": f"{option} 的写法不对：" + _option_problem(error.message),
        "BadParameter": f"{name} 的值不对：{_value_problem(error)}。",
    }
    return f"{said.get(kind) or _command_problem(error)}{help_}"


def _choices(parameter: Any) -> str:
    names = getattr(getattr(parameter, "type_descriptor", None), "choices", None)
    return f"（{'、'.join(map(str, names))}）" if names else ""


def _option_problem(message: str) -> str:
    return "后面要写一个值。" if "requires" in message else "后面不带值。"


def _value_problem(error: TyperException) -> str:
    if choices := _CHOICES.search(error.message):
        return f"可用 {'、'.join(_QUOTED.findall(choices['choices']))}"
    cause = error.__cause__
    return wrong_value(cause.errors()[0]) if isinstance(cause, ValidationError) else "无法识别"


def _command_problem(error: TyperException) -> str:
    if "No such command" in error.message:
        typed, *near = _QUOTED.findall(error.message)
        return f"没有 {typed} 这个命令" + (f"，是不是 {'、'.join(near)}？" if near else "。")
    if extra := _EXTRA.search(error.message):
        return f"多出了：{extra['extra']}。文字里有空格时请加引号。"
    return "命令写得不完整。" if "Missing command" in error.message else "命令的写法不对。"
