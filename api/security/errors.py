"""What goes wrong with accounts.

AccountError                 the message says what happened and what to do
├── UnknownAccountError      no such account, or no such token
├── PasswordRuleError        a password that is too easy to guess
├── LoginRefusedError        the one answer to every login that fails
└── LoginBlockedError        too many of them
"""

from __future__ import annotations


class AccountError(Exception):
    """Base of all."""


class UnknownAccountError(AccountError):
    """There is none with this name or number."""


class PasswordRuleError(AccountError):
    """A password that is too easy to guess."""


class LoginRefusedError(AccountError):
    """Wrong name, wrong password, or a disabled account: nobody outside learns which."""

    def __init__(self) -> None:
        super().__init__("用户名或密码不对。请检查大小写和输入法；忘记密码请找管理员重设。")


class LoginBlockedError(AccountError):
    """Too many failed logins with this name or from this address, whether it exists or not."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"失败次数太多，请 {max(1, -(-wait_s // 60))} 分钟后再试。")
        self.wait_s = wait_s
