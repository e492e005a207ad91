"""The pages: every check and every screenshot goes over them. A new page is one line here, and
what it shows is made in ``furnish.py``."""

from __future__ import annotations

from tests.browser.furnish import MUTE_NEED, NEED, PAIRED

_COMPARED = "".join(f"&achievement={key}" for key in PAIRED[:3])
PLACES: dict[str, str] = {
    "search": "/",
    "results": "/?q=钢渣微粉活性低，想用作水泥掺合料",
    "filtered-results": "/?q=钢渣&region=北京&field=新材料",
    "no-results": "/?q=钢渣&field=&region=日本&min_maturity=产业化",
    "saved-searches": "/saved-searches",
    "desk": "/desk",
    "desk-found": "/desk/rows?of=proposed",
    "desk-new": "/desk/rows?of=new",
    "desk-followed": "/desk/rows?of=followed",
    "needs": "/needs",
    "filtered-needs": "/needs?title=钢渣&valid=1",
    "achievements": "/achievements",
    "filtered-achievements": "/achievements?region=北京",
    "need": f"/needs/{NEED}",
    "why-not": f"/needs/{NEED}?why={PAIRED[3]}",
    "achievement": f"/achievements/{PAIRED[0]}",
    "compare": f"/compare?need={NEED}&achievement={PAIRED[0]}&achievement={PAIRED[1]}",
    "compare-four": f"/compare?need={NEED}{_COMPARED}",
    "compare-what": "/compare",
    "shortlists": "/shortlists",
    "archived-shortlists": "/shortlists?archived=true",
    "shortlist": "/shortlists/1",
    "shortlist-print": "/shortlists/1?print=1",
    "contacts": f"/contacts?kind=need&id={NEED}",
    "contacts-before": f"/contacts?kind=need&id={MUTE_NEED}",
    "imports": "/imports",
    "import-new": "/imports/new",
    "import-columns": "/imports/3/columns",
    "import-preview": "/imports/2/preview",
    "import-report": "/imports/1",
    "import-command": "/imports/runs/1",
    "duplicates": "/duplicates",
    "no-duplicates": "/duplicates?kind=need",
    "duplicate-group": "/duplicates/1",
    "dictionary": "/dictionary",
    "dictionary-preview": "/dictionary/preview",
    "users": "/admin/users",
    "user": "/admin/users/2",
    "own-user": "/admin/users/1",
    "audit": "/admin/audit",
    "no-audit": "/admin/audit?until=2020-01-01",
    "system": "/admin/system",
    "password": "/account/password",
    "tokens": "/account/tokens",
    "missing": "/needs/none",
    "nowhere": "/nowhere",
    "refused": "/compare?need=none&achievement=none",
    "design": "/design",
}
"""Name → address."""
