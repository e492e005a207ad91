"""The one table of who may do what: a rule for every route. A route without one is closed.

Which records a route shows is not decided here but by the account's ``RowScope``, which every
query of a request is bound to; ``Rows`` says of a route whether that concerns it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path

from api.security.accounts import ROLES
from corpus.confidentiality import Role

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""What asks and changes nothing (RFC 9110, 9.2.1); no route answers the others of them."""


class Rows(StrEnum):
    """Which rows a route shows or changes."""

    NONE = "不涉及记录"
    SCOPED = "本人范围内的记录"
    OWN = "本人的账号"


EVERY_ROLE = frozenset(ROLES)
OPEN_ROLES = EVERY_ROLE - {Role.COUNTY, Role.INSTITUTION}
"""Roles that see every row, so that somebody without an account can have them."""
JUDGING = frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.ORGANISER, Role.COMMISSIONER})
IMPORTING = frozenset({Role.ADMINISTRATOR, Role.OFFICER})
"""They answer for what is in the corpus. One sees one's own uploads, the administrator all."""

CURATING = frozenset({Role.ADMINISTRATOR, Role.OFFICER})
"""Roles that keep records and words in order; they see every row."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route."""

    roles: frozenset[Role] = EVERY_ROLE
    rows: Rows = Rows.SCOPED
    public: bool = False
    """Also without a login."""
    local: bool = False
    """Also without a login, for a program on this machine that asks without a proxy."""


_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
_OPEN = Rule(rows=Rows.NONE, public=True)
_PLAIN = Rule(rows=Rows.NONE)
_READ = Rule()
_JUDGE = Rule(JUDGING)
_CONTACT = Rule(frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.ORGANISER}))
_EDIT = Rule(frozenset({Role.ADMINISTRATOR, Role.OFFICER}))
_CURATE = Rule(CURATING)
_WORDS = Rule(CURATING, Rows.NONE)
_PUBLISH = Rule(frozenset({Role.ADMINISTRATOR}), Rows.NONE)
_OWN = Rule(rows=Rows.OWN)
_IMPORT = Rule(IMPORTING)

POLICY: Mapping[tuple[str, str], Rule] = {
    ("GET", "/healthz"): _OPEN,
    ("GET", "/readyz"): _OPEN,
    ("GET", "/metrics"): Rule(_ADMINISTRATORS, Rows.NONE, local=True),
    ("GET", "/static"): _OPEN,
    ("GET", "/login"): _OPEN,
    ("POST", "/login"): _OPEN,
    ("GET", "/login/oidc"): _OPEN,
    ("GET", "/login/oidc/callback"): _OPEN,
    ("POST", "/logout"): _OWN,
    ("GET", "/account/password"): _OWN,
    ("POST", "/account/password"): _OWN,
    ("GET", "/account/tokens"): _OWN,
    ("POST", "/account/tokens"): _OWN,
    ("POST", "/account/tokens/{token_id}/revoke"): _OWN,
    ("GET", "/openapi.json"): _PLAIN,
    ("GET", "/design"): _PLAIN,
    ("GET", "/"): _READ,
    ("GET", "/desk"): _READ,
    ("GET", "/desk/rows"): _READ,
    ("POST", "/desk/follow"): _READ,
    ("POST", "/desk/seen"): _OWN,
    ("GET", "/saved-searches"): _OWN,
    ("POST", "/saved-searches"): _OWN,
    ("POST", "/saved-searches/{search_id}/rename"): _OWN,
    ("POST", "/saved-searches/{search_id}/delete"): _OWN,
    ("POST", "/saved-searches/{search_id}/restore"): _OWN,
    ("GET", "/needs"): _READ,
    ("GET", "/achievements"): _READ,
    ("GET", "/needs/{key:path}"): _READ,
    ("GET", "/achievements/{key:path}"): _READ,
    ("GET", "/api/v1/search"): _READ,
    ("GET", "/api/v1/facets"): _READ,
    ("GET", "/api/v1/saved-searches"): _OWN,
    ("POST", "/api/v1/saved-searches"): _OWN,
    ("GET", "/api/v1/saved-searches/{search_id}"): _OWN,
    ("PATCH", "/api/v1/saved-searches/{search_id}"): _OWN,
    ("DELETE", "/api/v1/saved-searches/{search_id}"): _OWN,
    ("POST", "/api/v1/saved-searches/{search_id}/restore"): _OWN,
    ("GET", "/api/v1/needs"): _READ,
    ("GET", "/api/v1/needs/{need_id:path}"): _READ,
    ("PATCH", "/api/v1/needs/{need_id:path}"): _EDIT,
    ("GET", "/api/v1/needs/{need_id:path}/matches"): _READ,
    ("GET", "/api/v1/explain"): _READ,
    ("GET", "/api/v1/contacts"): _CONTACT,
    ("POST", "/api/v1/contacts/consent"): _CONTACT,
    ("DELETE", "/api/v1/contacts/consent"): _CONTACT,
    ("GET", "/contacts"): _CONTACT,
    ("POST", "/contacts/consent"): _CONTACT,
    ("POST", "/contacts/withdraw"): _CONTACT,
    ("GET", "/api/v1/achievements"): _READ,
    ("GET", "/api/v1/achievements/{achievement_id:path}"): _READ,
    ("PATCH", "/api/v1/achievements/{achievement_id:path}"): _EDIT,
    ("GET", "/api/v1/achievements/{achievement_id:path}/matches"): _READ,
    ("GET", "/api/v1/organisations"): _READ,
    ("GET", "/api/v1/organisations/{organisation_id}"): _READ,
    ("GET", "/api/v1/feedback"): _READ,
    ("POST", "/api/v1/feedback"): _JUDGE,
    ("DELETE", "/api/v1/feedback/{feedback_id}"): _JUDGE,
    ("POST", "/feedback"): _JUDGE,
    ("POST", "/feedback/{feedback_id}/undo"): _JUDGE,
    ("GET", "/compare"): _READ,
    ("GET", "/shortlists"): _READ,
    ("POST", "/shortlists"): _READ,
    ("POST", "/shortlists/add"): _READ,
    ("GET", "/shortlists/{shortlist_id}"): _READ,
    ("POST", "/shortlists/{shortlist_id}"): _READ,
    ("POST", "/shortlists/{shortlist_id}/share"): _READ,
    ("POST", "/shortlists/{shortlist_id}/archive"): _READ,
    ("POST", "/shortlists/{shortlist_id}/restore"): _READ,
    ("POST", "/shortlists/{shortlist_id}/duplicate"): _READ,
    ("GET", "/shortlists/{shortlist_id}/export/{form}"): _READ,
    ("POST", "/shortlists/{shortlist_id}/entries/{entry_id}"): _READ,
    ("POST", "/shortlists/{shortlist_id}/entries/{entry_id}/remove"): _READ,
    ("POST", "/shortlists/{shortlist_id}/entries/{entry_id}/restore"): _READ,
    ("GET", "/api/v1/shortlists"): _READ,
    ("POST", "/api/v1/shortlists"): _READ,
    ("GET", "/api/v1/shortlists/{shortlist_id}"): _READ,
    ("PATCH", "/api/v1/shortlists/{shortlist_id}"): _READ,
    ("DELETE", "/api/v1/shortlists/{shortlist_id}"): _READ,
    ("POST", "/api/v1/shortlists/{shortlist_id}/duplicate"): _READ,
    ("POST", "/api/v1/shortlists/{shortlist_id}/entries"): _READ,
    ("PATCH", "/api/v1/shortlists/{shortlist_id}/entries/{entry_id}"): _READ,
    ("DELETE", "/api/v1/shortlists/{shortlist_id}/entries/{entry_id}"): _READ,
    ("POST", "/api/v1/shortlists/{shortlist_id}/entries/{entry_id}/restore"): _READ,
    ("GET", "/imports"): _IMPORT,
    ("POST", "/imports"): _IMPORT,
    ("GET", "/imports/new"): _IMPORT,
    ("GET", "/imports/runs/{import_id}"): _IMPORT,
    ("POST", "/imports/runs/{import_id}/undo"): _IMPORT,
    ("GET", "/imports/{upload_id}"): _IMPORT,
    ("GET", "/imports/{upload_id}/columns"): _IMPORT,
    ("POST", "/imports/{upload_id}/columns"): _IMPORT,
    ("GET", "/imports/{upload_id}/preview"): _IMPORT,
    ("POST", "/imports/{upload_id}/rows/{row_number}"): _IMPORT,
    ("GET", "/imports/{upload_id}/run"): _IMPORT,
    ("POST", "/imports/{upload_id}/run"): _IMPORT,
    ("GET", "/imports/{upload_id}/failed-rows"): _IMPORT,
    ("POST", "/imports/{upload_id}/again"): _IMPORT,
    ("POST", "/imports/{upload_id}/discard"): _IMPORT,
    ("GET", "/api/v1/imports"): _IMPORT,
    ("POST", "/api/v1/imports"): _IMPORT,
    ("GET", "/api/v1/imports/{upload_id}"): _IMPORT,
    ("GET", "/api/v1/imports/{upload_id}/failed-rows"): _IMPORT,
    ("POST", "/api/v1/imports/{upload_id}/undo"): _IMPORT,
    **dict.fromkeys(
        [
            ("GET", "/admin/users"),
            ("POST", "/admin/users"),
            ("GET", "/admin/users/{user_id}"),
            ("POST", "/admin/users/{user_id}/role"),
            ("POST", "/admin/users/{user_id}/password"),
            ("POST", "/admin/users/{user_id}/sessions"),
            ("POST", "/admin/users/{user_id}/disable"),
            ("POST", "/admin/users/{user_id}/enable"),
            ("GET", "/admin/audit"),
            ("GET", "/admin/audit.csv"),
            ("GET", "/admin/system"),
            ("POST", "/admin/system/refresh-index"),
            ("GET", "/api/v1/users"),
            ("GET", "/api/v1/users/{user_id}"),
            ("POST", "/api/v1/users"),
            ("PATCH", "/api/v1/users/{user_id}"),
            ("POST", "/api/v1/users/{user_id}/password"),
            ("DELETE", "/api/v1/users/{user_id}/sessions"),
            ("GET", "/api/v1/audit"),
            ("GET", "/api/v1/system"),
        ],
        Rule(_ADMINISTRATORS, Rows.NONE),
    ),
    ("GET", "/duplicates"): _CURATE,
    ("POST", "/duplicates/search"): _CURATE,
    ("GET", "/duplicates/{group_id}"): _CURATE,
    ("POST", "/duplicates/{group_id}/merge"): _CURATE,
    ("POST", "/duplicates/{group_id}/unmerge"): _CURATE,
    ("POST", "/duplicates/{group_id}/dismiss"): _CURATE,
    ("POST", "/duplicates/{group_id}/reopen"): _CURATE,
    ("GET", "/api/v1/duplicates"): _CURATE,
    ("GET", "/api/v1/duplicates/searches"): _CURATE,
    ("POST", "/api/v1/duplicates/searches"): _CURATE,
    ("GET", "/api/v1/duplicates/{group_id}"): _CURATE,
    ("POST", "/api/v1/duplicates/{group_id}/merge"): _CURATE,
    ("POST", "/api/v1/duplicates/{group_id}/unmerge"): _CURATE,
    ("POST", "/api/v1/duplicates/{group_id}/dismiss"): _CURATE,
    ("POST", "/api/v1/duplicates/{group_id}/reopen"): _CURATE,
    ("GET", "/dictionary"): _WORDS,
    ("GET", "/dictionary/preview"): _CURATE,
    ("POST", "/dictionary/terms"): _WORDS,
    ("POST", "/dictionary/terms/{term_id}/withdraw"): _WORDS,
    ("POST", "/dictionary/terms/{term_id}/restore"): _WORDS,
    ("POST", "/dictionary/publish"): _PUBLISH,
    ("POST", "/dictionary/rollback"): _PUBLISH,
    ("POST", "/dictionary/index"): _PUBLISH,
    ("GET", "/api/v1/dictionary/terms"): _WORDS,
    ("POST", "/api/v1/dictionary/terms"): _WORDS,
    ("DELETE", "/api/v1/dictionary/terms/{term_id}"): _WORDS,
    ("POST", "/api/v1/dictionary/terms/{term_id}/restore"): _WORDS,
    ("POST", "/api/v1/dictionary/preview"): _CURATE,
    ("POST", "/api/v1/dictionary/publish"): _PUBLISH,
    ("POST", "/api/v1/dictionary/rollback"): _PUBLISH,
    ("GET", "/api/v1/dictionary/versions"): _WORDS,
    ("GET", "/api/v1/system/indexes"): Rule(
        frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.ORGANISER}), Rows.NONE
    ),
}
"""(method, path as the route declares it) → rule. HEAD is as GET."""


@dataclass(frozen=True, slots=True)
class Place:
    """A route that a request may reach: its path as declared, and the methods it answers."""

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    max_body_bytes: int | None
    """Most that a request may send; None: as the app says."""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """As the policy names it, one for each method."""
        return [(method, self.path) for method in sorted(self.methods - {"HEAD"})]


def places(routes: Sequence[BaseRoute]) -> Iterator[Place]:
    """Every route of an app, in the order in which it looks for them."""
    for context in iter_route_contexts(routes):
        methods = frozenset(context.methods or {"GET", "HEAD"})
        # A folder that is mounted answers for everything below it.
        below = "" if context.methods else "/{path:path}"
        path = str(context.path)
        largest: int | None = getattr(context, "max_body_size", None)
        yield Place(path, methods, compile_path(path + below)[0], largest)


def rule_for(method: str, path: str) -> Rule | None:
    """The rule of a route; None: it has none, so nobody may use it."""
    return POLICY.get(("GET" if method == "HEAD" else method, path))


def rows_label(rule: Rule, role: Role) -> str:
    """What a role sees of a route's rows, in words; empty: it may not use it."""
    if role not in rule.roles:
        return ""
    if rule.rows is not Rows.SCOPED:
        return {Rows.NONE: "可用", Rows.OWN: "本人"}[rule.rows]
    return {Role.COUNTY: "本县需求", Role.INSTITUTION: "本单位成果"}.get(role, "全部")
