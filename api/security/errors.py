"""What goes wrong with accounts.

AccountError                 the message says what happened and what to do
├── UnknownAccountError      no such account, or no such token
├── PasswordRuleError        a password that is too easy to guess
├── LoginRefusedError        the one answer to every login that fails
├── UnknownPersonError       vouched for by the OpenID provider, and without an account
├── LoginBlockedError        too many of them
└── FormTokenError           a form without what binds it to the session
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


class UnknownPersonError(AccountError):
    """The provider vouches for somebody who has no account here, or a disabled one."""

    def __init__(self, vouched: str) -> None:
        super().__init__(
            f"你在统一登录里的名字是“{vouched[:50]}”，这里没有这个名字的用户，或已停用。"
            "请找管理员新建或启用。"
        )


class LoginBlockedError(AccountError):
    """Too many failed logins with this name or from this address, whether it exists or not."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"失败次数太多，请 {max(1, -(-wait_s // 60))} 分钟后再试。")
        self.wait_s = wait_s


class StaleAccountError(AccountError):
    """Somebody else has changed the account since it was read."""

    def __init__(self) -> None:
        super().__init__("账号已被别人改过，没有保存。请重新读取，核对后再改。")


class FormTokenError(AccountError):
    """A form without the token that binds it to the session, or with another's."""

    def __init__(self) -> None:
        super().__init__(
            "页面已过期，或不是本系统发出的，操作没有执行。请返回、刷新页面后再试。若总是这样，"
            "请检查浏览器是否允许 Cookie；本系统默认只在 https 下登录，"
            "仅在本机使用时可设 ZHITONG_PLAIN_HTTP=true。"
        )
