"""A workbook as a county office sends it: titles above the header, columns with unusual names, a
merged cell, and two rows that are refused until one cell of each is corrected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

HEADER = ["序号", "需求编号", "需求名称*必填", "需求内容（500字以内）", "所属县（市、区）",
          "填报单位名称", "拟投入资金（万元）", "希望解决的时间节点", "截止日期",
          "联系人及电话"]  # fmt: skip
TITLES = ("解决料场扬尘的喷雾系统", "高炉煤气余热回收装置", "球团竖炉节能改造", "废钢自动分拣方法")
BAD_AMOUNT = ("R3", "拟投入资金（万元）", "看着给")
"""Key, column and value of the first refused row; ``100-200`` makes it good."""
NO_TITLE = ("R4", "需求名称*必填")
"""Key and column of the second, which lacks a name."""


def rows() -> list[list[Any]]:
    """Below the header."""
    made = [
        [number, f"R{number}", title, f"我厂需要{title}，要求投资省、见效快。", "迁安市",
         "示例钢铁有限公司", "100-200", "明年上半年", date(2027, 6, 30), "王工 0315-1234567"]
        for number, title in enumerate(TITLES, start=1)
    ]  # fmt: skip
    made[2][6] = BAD_AMOUNT[2]
    made[3][2] = ""
    return made


def write(path: Path, body: list[list[Any]] | None = None) -> Path:
    """Make the workbook."""
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("需求汇总")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.merge_range(0, 0, 0, len(HEADER) - 1, "二〇二六年企业技术需求征集汇总表")
        sheet.write_string(1, 0, "填报单位：示例县工信局")
        for column, name in enumerate(HEADER):
            sheet.write_string(2, column, name)
        for number, row in enumerate(rows() if body is None else body, start=3):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, day)
                elif cell != "":
                    sheet.write(number, column, cell)
    return path
