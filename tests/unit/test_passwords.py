"""Account names, password rules and hashes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from api.security import passwords
from api.security.errors import AccountError, PasswordRuleError
from api.security.passwords import (
    account_name,
    checked_password,
    hash_password,
    is_outdated,
    verify_password,
)
from api.security.secrets import fingerprint, form_token, is_form_token, new_secret, new_token


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(
        passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("Wang.Gong", "wang.gong"), ("　李工 ", "李工"), ("ＡＢ１", "ab1"), ("x@y", "x@y")],
)
def test_a_name_is_one_whatever_the_keyboard(typed: str, stored: str) -> None:
    assert account_name(typed) == stored
    assert account_name(stored) == stored


@pytest.mark.parametrize("typed", ["", "a", "a b", "a/b", "<b>", "a\0b", "a\ud800", "长" * 33])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(AccountError, match="用户名应是"):
        account_name(typed)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("短密码", "太短"),
        ("x" * 257, "太长"),
        ("abababababab", "不同的字符太少"),
        ("kilo-liGong-trumpet", "不能含用户名"),
        ("kilo-ｌｉgong-trumpet", "不能含用户名"),
        ("kilo\x07trumpet-stone", "不能输入"),
        ("123456789012", "只由常见的词"),
        ("19491001!@#$%^", "只由常见的词"),
        ("woaini1314520", "只由常见的词"),
        ("Tangshan@2026!", "只由常见的词"),
        ("P a s s w o r d 1".replace(" ", "") + "2345", "只由常见的词"),
        ("1qaz2wsx3edc4rfv", "只由常见的词"),
        ("qwertyuiop[]", "只由常见的词"),
        ("a123456789012", "只由常见的词"),
        ("唐山招商密码2026年11月", "只由常见的词"),
        ("zhangwei19880808", "只由常见的词"),
        ("adminADMIN123456", "只由常见的词"),
    ],
)
def test_what_is_easy_to_guess_is_refused(password: str, why: str) -> None:
    with pytest.raises(PasswordRuleError, match=why) as refused:
        checked_password(password, "ligong")
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    ["kilo-trumpet-stone", "xK7mQp2vLw9z", "八只青蛙跳进了旧水缸里呀", "tangshan 银杏落在石桥上"],
)
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    assert checked_password(password, "ligong") == password


def test_the_rules_are_quick_on_long_text() -> None:
    started = time.perf_counter()
    for text in ("woaini" * 42, "a" * 256, "qaz" * 85):
        with pytest.raises(PasswordRuleError):
            checked_password(text, "ligong")
    assert time.perf_counter() - started < 1


@given(st.text(max_size=40), st.text(max_size=40))
def test_only_the_password_itself_opens(password: str, other: str) -> None:
    stored = hash_password(password)
    assert stored.startswith("$argon2id$")
    assert verify_password(password, stored)
    same = passwords._normal(password) == passwords._normal(other)
    assert verify_password(other, stored) is same
    assert not verify_password(password, "")


def test_a_hash_of_other_costs_is_known() -> None:
    stored = hash_password("kilo-trumpet-stone")
    assert not is_outdated(stored)
    assert is_outdated(
        PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("kilo-trumpet-stone")
    )


def test_what_is_shipped_costs_what_rfc_9106_recommends() -> None:
    shipped = PasswordHasher()
    assert shipped.memory_cost >= 64 * 1024
    assert shipped.time_cost >= 3


def test_secrets_are_random_and_only_their_hash_tells_them() -> None:
    made = {new_secret() for _ in range(50)} | {new_token() for _ in range(50)}
    assert len(made) == 100
    assert all(len(secret) >= 43 for secret in made)
    assert len({fingerprint(secret) for secret in made}) == 100


@given(st.text(), st.text(max_size=70))
def test_a_form_token_fits_one_session(secret: str, given_token: str) -> None:
    token = form_token(secret)
    assert is_form_token(token, secret)
    assert not is_form_token(token, secret + "x")
    assert is_form_token(given_token, secret) is (given_token == token)
    assert not is_form_token(token[:-1], secret)
