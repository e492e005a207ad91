"""What people are shown and what is searched, made from a raw cell. The raw row is kept elsewhere.

Tags are recognised by name: a general HTML parser takes every ``<`` before a letter for the start
of a tag, and so eats comparisons (``Cr<b``) and masks (``<contact>``). Every regular expression
here is linear: what may repeat excludes what starts a match.
"""

from __future__ import annotations

import html
import re

_MAX_ROUNDS = 6

_HALF_WIDTH = {ord(c) + 0xFEE0: c for c in map(chr, range(0x21, 0x7F)) if c.isalnum()} | {
    ord("％"): "%"
}
_FULL_STOP_IN_NUMBER = re.compile(r"(?<=\d)．(?=\d)")
_HYPHEN_IN_CODE = re.compile(r"(?<=[0-9A-Za-z])－(?=[0-9A-Za-z])")
# ``str.translate`` costs more than all else here, and most cells have nothing to translate.
_FULL_WIDTH = re.compile(r"[％．０-９Ａ-Ｚａ-ｚ]")

_LITERAL_RUN = re.compile(r"(?:\\r\\n|\\[nrt])+")
_LITERAL_BREAK = re.compile(r"(?:\\r\\n|\\n|\\r)")
# A path or a formula goes on with a Latin letter: C:\new, \nu.
_AFTER_LITERAL = re.compile(r"[^\x00-\x7f]|[\d\s\"'(\[<•*+.,;:!?)\]}>-]")

_BLOCK = (
    "address|article|aside|blockquote|br|caption|center|dd|div|dl|dt|fieldset|figure|footer|form"
    "|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = (
    "abbr|b|base|basefont|big|body|button|cite|code|col|colgroup|del|dfn|em|embed|font|head|html|i"
    "|iframe|img|input|ins|kbd|label|link|mark|meta|noscript|object|option|param|q|s|samp|script"
    "|select|small|source|span|strike|strong|style|sub|sup|svg|textarea|title|tt|u|var|video"
    r"|wbr|o:p|st1:\w{1,20}|v:\w{1,20}|w:\w{1,20}|xml"
)
_TAG_END = r"(?=[\s/>])[^<>]*>"
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK}){_TAG_END}", re.I)
# An anchor without attributes is more often a letter between comparison signs.
_INLINE_TAG = re.compile(
    rf"</?(?:{_INLINE}){_TAG_END}|</a\s*>|<a\s[^<>]*>|<!doctype[^<>]*>|<\?xml[^<>]*>", re.I
)
_SUPERSCRIPT = re.compile(r"<sup>\s?([-+−]?\d{1,6})\s?</sup>", re.I)
_TO_SUPERSCRIPT = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_HIDDEN_START = re.compile(r"<!--|<(script|style)(?=[\s/>])[^<>]*>", re.I)
_HIDDEN_END = {
    "script": re.compile(r"</script\s*>", re.I),
    "style": re.compile(r"</style\s*>", re.I),
    "": re.compile(r"-->"),
}

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.I)
_NESTED_AMPERSAND = re.compile(r"&(?:(?:amp|#0{0,5}38|#x0{0,4}26);)+", re.I)

_MARKUP_START = re.compile(r"[<&\\]")
_LINE_BREAK = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")
# Two or more wide blanks after a sentence are the indent of the next paragraph.
_INDENT = re.compile(r"(?<=[。！？；：])[\u00a0\u3000]{2,}")
# Control (but line breaks and tabs), format and surrogate characters of Unicode.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd"
    "\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f]"
)
_BLANK_RUN = re.compile(r"[^\S\n]+")
_BREAK_RUN = re.compile(r" ?\n[ \n]*")

_ENUMERATOR = re.compile(
    r"(?:[（(]\s?(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s?[）)]|[①-⑳]|\d{1,2}\s?[、．）)](?![\d,，])"
    r"|\d{1,2}\.(?!\d)|[一二三四五六七八九十]{1,3}\s?[、．.])\s?[、.]?\s?"
)
_LABEL = re.compile(
    r"(?:企业)?(?:技术|科技)?(?:需求|成果|项目|专利|难题|课题|产品|技术)?(?:名称|题目|标题)\s?[:：]\s?"
)
_SECOND = re.compile(r"2\s?[、．.)）](?!\d)|二\s?[、．.]|[（(]\s?[2二]\s?[）)]|②")


def clean_text(raw: str) -> str:
    r"""The text of a cell without the marks of its way here; ``clean_text`` of it is the same.

    Literal ``\n`` and ``\t`` become breaks and blanks (not before a Latin letter: ``C:\new``,
    ``\nu``), known HTML tags go (block tags leave a line break, script and style go with their
    content, superscript digits become ``²``), entities are decoded, all kinds of blanks become
    one, control and zero-width characters go, wrapping quotation marks go, runs of blanks and
    empty lines collapse, full-width letters, digits and ％ become half-width. Comparisons
    (``粒径<10μm``) and Chinese punctuation stay.
    """
    text = raw
    for _ in range(_MAX_ROUNDS):
        # Only markup can hide more of what is cleaned: text without any is done in one pass.
        last = not _MARKUP_START.search(text)
        before, text = text, _pass(text)
        if last or text == before:
            return text
    # Markup nested that deeply is hostile: its signs go, and with them every further round.
    return _pass(_MARKUP_START.sub("", text))


def clean_title(raw: str) -> str:
    """``clean_text`` on one line, without a leading enumerator or a label like 需求名称：.

    The enumerator stays where a second one follows: the title then holds several needs.
    """
    title = " ".join(clean_text(raw).split("\n"))
    # What goes may uncover quotation marks that wrap the rest: 需求名称："1、…"
    for _ in range(_MAX_ROUNDS):
        start = _lead(title)
        if start == 0:
            break
        title = clean_text(title[start:])
    return title


def _lead(title: str) -> int:
    """Where the title proper begins, behind labels and an enumerator that stands alone."""
    last_second = max((m.start() for m in _SECOND.finditer(title)), default=-1)
    start = 0
    while found := _LABEL.match(title, start) or _ENUMERATOR.match(title, start):
        numbered = found.re is _ENUMERATOR
        if found.end() == len(title) or (numbered and last_second >= found.end()):
            break
        start = found.end()
    return start


def _pass(text: str) -> str:
    text = _UNSEEN.sub("", _LINE_BREAK.sub("\n", text))
    if _FULL_WIDTH.search(text):
        text = _FULL_STOP_IN_NUMBER.sub(".", text.translate(_HALF_WIDTH))
    text = _HYPHEN_IN_CODE.sub("-", text)
    if _MARKUP_START.search(text):
        text = _LITERAL_RUN.sub(_unescape_literal, text)
        text = _without_hidden(text)
        text = _SUPERSCRIPT.sub(lambda m: m.group(1).translate(_TO_SUPERSCRIPT), text)
        text = _INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", text))
        text = _ENTITY.sub(lambda m: html.unescape(m.group()), _NESTED_AMPERSAND.sub("&amp;", text))
    text = _BREAK_RUN.sub("\n", _BLANK_RUN.sub(" ", _INDENT.sub("\n", text)))
    return _unwrap(text.strip())


def _unescape_literal(match: re.Match[str]) -> str:
    following = match.string[match.end() : match.end() + 1]
    if following and not _AFTER_LITERAL.match(following):
        return match.group()
    return _LITERAL_BREAK.sub("\n", match.group()).replace("\\t", "\t")


def _without_hidden(text: str) -> str:
    """Without comments, scripts and styles; one that is never closed keeps its content."""
    kept: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for start in _HIDDEN_START.finditer(text):
        name = (start.group(1) or "").lower()
        if start.start() < position or name in unclosed:
            continue
        end = _HIDDEN_END[name].search(text, start.end())
        if end is None:
            unclosed.add(name)
            continue
        kept += [text[position : start.start()], " "]
        position = end.end()
    kept.append(text[position:])
    return "".join(kept)


def _unwrap(text: str) -> str:
    """Without quotation marks around the whole, or one that has lost its partner."""
    while True:
        inner = text
        if len(text) > 1 and text[0] == text[-1] == '"':
            inside = text[1:-1]
            # Doubled marks are how csv writes one within a quoted cell.
            if '"' not in inside.replace('""', ""):
                inner = inside.replace('""', '"')
        elif text.count('"') == 1 and (text[0] == '"' or text[-1] == '"'):
            inner = text.replace('"', "")
        elif text[:1] == "“" and text[-1:] == "”" and not set(text[1:-1]) & set("“”"):
            inner = text[1:-1]
        inner = inner.strip()
        if inner == text:
            return text
        text = inner
