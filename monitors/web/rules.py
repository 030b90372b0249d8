"""Rules: the rule book in short, who has signed what, and what changed between two rule sets."""

from __future__ import annotations

import difflib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from monitors import pipeline
from monitors.web.access import Session
from monitors.web.app import Pages, need
from monitors.web.reading import Reading, reading

router = APIRouter()
Signed = Annotated[Session, Depends(need("rules"))]


@router.get("/rules")
def rules(request: Request, session: Signed, old: str = "", new: str = "") -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        sets = read.rows("web/rulesets")
        changed = difference(_body(read, old), _body(read, new)) if old and new else None
    models = {rule.id: rule for rule in pages.here.config.rules}
    return pages.render(request, "rules.html", {
        "title": "Rules", "rules": pipeline.rules_list(here=pages.here), "models": models, "sets": sets, "old": old, "new": new,
        "changed": changed})  # fmt: skip


def _body(read: Reading, ruleset: str) -> Any:
    found = read.one("web/ruleset", ruleset=ruleset)
    if found is None:
        raise HTTPException(404, "There is no such rule set.")
    return json.loads(found["body"])


def difference(old: Any, new: Any) -> list[tuple[str, str]]:
    """(' ' | '+' | '-' | '@', line) of two rule sets written out, only what differs and its surroundings."""
    a, b = (json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False).splitlines() for body in (old, new))
    lines = list(difflib.unified_diff(a, b, lineterm="", n=3))[2:]
    return [(line[:1], line[1:]) for line in lines[:2000]]
