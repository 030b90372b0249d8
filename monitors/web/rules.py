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
from monitors.web.costs import NIGHTS
from monitors.web.reading import Reading, reading

router = APIRouter()
Signed = Annotated[Session, Depends(need("rules"))]


@router.get("/rules")
def rules(request: Request, session: Signed, old: str = "", new: str = "") -> Response:
    pages: Pages = request.app.state.pages
    with reading(pages.here, session) as read:
        sets = read.rows("web/rulesets")
        night = (read.one("web/newest_night") or {}).get("night")
        changed = difference(_body(read, old), _body(read, new)) if old and new else None
    models = {rule.id: rule for rule in pages.here.config.rules}
    listed = sorted(pipeline.rules_list(here=pages.here), key=lambda rule: str(rule["rule"]))
    return pages.render(request, "rules.html", {
        "title": "Rules", "rules": listed, "models": models, "sets": sets, "old": old, "new": new,
        "changed": changed, "costs": pages.counted.upto(pages, night), "nights": NIGHTS})  # fmt: skip


def _body(read: Reading, ruleset: str) -> Any:
    found = read.one("web/ruleset", ruleset=ruleset)
    if found is None:
        raise HTTPException(404, "There is no such rule set.")
    return json.loads(found["body"])


def difference(old: Any, new: Any) -> list[tuple[str, str]]:
    """(' ' | '+' | '-' | '@', line) of two rule sets written out, only what differs and its surroundings.

    Part by part, a rule being one: a whole rule set has thousands of lines, and to align those takes a page's time.
    """
    before, after = _parts(old), _parts(new)
    lines: list[tuple[str, str]] = []
    for name in [*before, *(name for name in after if name not in before)]:
        if before.get(name) != after.get(name):
            a, b = (_written(parts[name]) if name in parts else [] for parts in (before, after))
            lines.append(("@", f"@ {name}"))
            lines += [(line[:1], line[1:]) for line in list(difflib.unified_diff(a, b, lineterm="", n=3))[2:]]
    return lines[:2000]


def _parts(body: Any) -> dict[str, Any]:
    """Each rule by its id, and whatever else a rule set holds by its name."""
    rules = {f"rule {rule['id']}": rule for rule in body.get("rules", ())}
    return {**rules, **{name: value for name, value in body.items() if name != "rules"}}


def _written(part: Any) -> list[str]:
    return json.dumps(part, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
