"""Errors of the system and of libraries, said in one Chinese sentence each.

Never the library's own text: that of a database holds the statement and the record in it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

_FILE: Mapping[int, str] = {
    errno.ENOENT: "文件或文件夹不存在",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "它是文件夹，不是文件",
    errno.EEXIST: "已经有同名的文件或文件夹",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "磁盘是只读的",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.ENAMETOOLONG: "名称太长",
    errno.EMFILE: "打开的文件太多",
    errno.EADDRINUSE: "端口已被占用",
}

_INPUT: Mapping[str, str] = {
    "missing": "缺少这个参数",
    "string_too_short": "太短，至少 {min_length} 个字",
    "string_too_long": "太长，最多 {max_length} 个字",
    "too_short": "太少，至少 {min_length} {unit}",
    "too_long": "太长，最多 {max_length} {unit}",
    "string_pattern_mismatch": "不能为空白",
    "greater_than_equal": "应不小于 {ge}",
    "less_than_equal": "应不大于 {le}",
    "int_parsing": "应是整数",
    "int_parsing_size": "数字太大",
    "int_from_float": "应是整数",
    "bool_parsing": "应是 true 或 false",
    "enum": "应是其中之一：{expected}",
    "value_error": "{error}",
}


def file_sentence(error: OSError) -> str:
    """What could not be read or written, and why."""
    reason = _FILE.get(error.errno or 0)
    if reason is None:
        return str(error)
    name = error.filename2 or error.filename
    return (
        f"{os.fspath(name)}：{reason}。" if isinstance(name, str | os.PathLike) else f"{reason}。"
    )


def input_sentence(errors: Sequence[Any]) -> str:
    """What is wrong with each value, from pydantic's list of errors."""
    return "；".join(f"{_place(error)}：{wrong_value(error)}" for error in errors) + "。"


def setting_sentence(errors: Sequence[Any]) -> str:
    """The same for settings, by the names of their variables."""
    return "；".join(f"ZHITONG_{_place(e).upper()}：{wrong_value(e)}" for e in errors) + "。"


def _place(error: Any) -> str:
    place = [str(part) for part in error["loc"] if part not in ("query", "path", "body")]
    return ".".join(place) or "请求"


def wrong_value(error: Any) -> str:
    """What is wrong with a value, from one of pydantic's errors."""
    form = _INPUT.get(error["type"])
    if form is None:
        return "取值无效"
    facts = {name: str(value) for name, value in error.get("ctx", {}).items()}
    # What a function has checked before is a value to pydantic, whatever its type was.
    facts["unit"] = "个字" if facts.get("field_type") == "Value" else "项"
    if "expected" in facts:
        facts["expected"] = facts["expected"].replace("'", "").replace(" or ", ", ")
    return form.format(**facts)
