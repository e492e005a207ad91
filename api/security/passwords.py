"""Account names, password rules, and argon2id (RFC 9106) by argon2-cffi."""

from __future__ import annotations

import functools
import threading
import unicodedata
from collections.abc import Collection
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from api.security.errors import AccountError, PasswordRuleError

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Hashing takes no longer for a longer one, but a form field is not for files."""
MIN_DISTINCT = 5
MIN_OWN_LETTERS = 4
"""Letters that are left when common words, digits and signs are taken away."""
RULE = (
    f"至少 {MIN_LENGTH} 个字符；去掉常见的词、数字和符号后，还要剩下至少 {MIN_OWN_LETTERS} "
    "个字母或汉字；不能含用户名。几个不相干的词连起来就很好。"
)

_NAME_LENGTHS = range(2, 33)
_NAME_SIGNS = "._-@"
# RFC 9106, second recommended option: 64 MiB, which two logins at a time may take.
_hasher = PasswordHasher()
_at_work = threading.BoundedSemaphore(2)


def account_name(typed: str) -> str:
    """A name as it is stored and compared.

    Raises:
        AccountError: it is no possible name.
    """
    name = _folded(typed).strip()
    if len(name) not in _NAME_LENGTHS or not all(c.isalnum() or c in _NAME_SIGNS for c in name):
        raise AccountError("用户名应是 2 到 32 个字母、数字或汉字，可含 . _ - @。")
    return name


def checked_password(password: str, name: str) -> str:
    """The password, if it is good enough for the account ``name``.

    Raises:
        PasswordRuleError: it is not; the message says why, and never repeats it.
    """
    if len(password) < MIN_LENGTH:
        raise PasswordRuleError(f"密码太短，至少 {MIN_LENGTH} 个字符。")
    if len(password) > MAX_LENGTH:
        raise PasswordRuleError(f"密码太长，最多 {MAX_LENGTH} 个字符。")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in password):
        raise PasswordRuleError("密码里有不能输入的字符。")
    folded = _folded(password)
    if len(set(folded)) < MIN_DISTINCT:
        raise PasswordRuleError(f"密码里不同的字符太少，至少要有 {MIN_DISTINCT} 个。")
    if _folded(name) in folded:
        raise PasswordRuleError("密码里不能含用户名。")
    if _own_letters(folded, _common_words()) < MIN_OWN_LETTERS:
        raise PasswordRuleError(f"密码只由常见的词、数字和符号组成，容易被猜到。要求：{RULE}")
    return password


def hash_password(password: str) -> str:
    """The argon2id hash to store, salt and costs in it."""
    with _at_work:
        return _hasher.hash(_normal(password))


def verify_password(password: str, stored: str) -> bool:
    """Whether it is the password behind a hash; ``""`` stands for no account, and takes as long."""
    with _at_work:
        try:
            _hasher.verify(stored or _nobody(), _normal(password))
        except VerifyMismatchError:
            return False
    return bool(stored)


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(stored)


@functools.cache
def _nobody() -> str:
    return _hasher.hash("nobody's")


def _normal(password: str) -> str:
    # One keyboard sends é as one character, another as two. NUL and surrogates: no hash has them.
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@functools.cache
def _common_words() -> frozenset[str]:
    lines = resources.files("api.security").joinpath("common_words.txt").read_text("utf-8")
    return frozenset(line for line in lines.splitlines() if line and not line.startswith("#"))


def _own_letters(text: str, words: Collection[str]) -> int:
    """The fewest letters that are left when words of the list are cut out of ``text``."""
    lengths = sorted({len(word) for word in words})
    fewest = [0]
    for end in range(1, len(text) + 1):
        left = fewest[end - 1] + text[end - 1].isalpha()
        for length in lengths:
            if length <= end and text[end - length : end] in words:
                left = min(left, fewest[end - length])
        fewest.append(left)
    return fewest[-1]
