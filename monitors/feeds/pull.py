"""A FHIR server's pages as files of a feed: what changed since it was asked last, resource by resource.

The caller archives and registers each page like a file, and moves a resource's mark in the transaction that registers
its last page. Killed in between, the pages are asked for again and their rows are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

from monitors.config import Feed
from monitors.errors import FeedError
from monitors.feeds import fhir, fhir_json
from monitors.feeds.fhir_elements import objects, of, text
from monitors.feeds.fhir_json import Number
from monitors.feeds.fhir_server import Answer, Secrets, Server, origin, secrets_of

__all__ = ["Page", "Secrets", "Server", "open_client", "pages", "secrets_of"]


class Asks(Protocol):
    def get(self, url: str) -> Answer: ...


@dataclass(frozen=True)
class Page:
    """One page of a resource. name: from its bytes, so the same page is the same file; last: the resource is read;
    read_to: on the last page, up to when (missing when that is not certain: the mark stays, and the
    pages are asked for again)."""

    resource: str
    name: str
    raw: bytes = field(repr=False)
    last: bool
    read_to: datetime | None = None


def open_client(
    feed: Feed, secrets: Secrets | None, *, clock: Callable[[], datetime], wait: Callable[[float], None]
) -> Server:
    """The server a feed is pulled from; a context manager. Nothing is asked yet."""
    return Server(feed, secrets, clock=clock, wait=wait)


def pages(name: str, feed: Feed, read_to: Mapping[str, datetime], server: Asks) -> Iterator[Page]:
    """Every page of every resource of feed `name`, those others refer to first.

    read_to: up to when each resource was read before; absent: from the beginning. A resource's pages are given as
    they come; its mark comes with its last page only. Raises FeedError in the middle: unreachable, refused_login,
    server_refused, too_large, not_a_searchset, wrong_link, endless_paging; pages given so far are good.
    """
    if feed.pull is None:
        raise FeedError("missing_folder", f"Feed {name} is not pulled: it has no 'pull' in feeds.yaml.")
    for resource in sorted(dict.fromkeys(feed.pull.resources), key=fhir.order):
        yield from _of_resource(feed, resource, read_to.get(resource), server)


def _of_resource(feed: Feed, resource: str, since: datetime | None, server: Asks) -> Iterator[Page]:
    assert feed.pull is not None
    asked = {"_count": str(feed.pull.page_size), "_sort": "_lastUpdated"}
    if since is not None:
        asked["_lastUpdated"] = "ge" + since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    url: str | None = f"{feed.location.rstrip('/')}/{resource}?{urlencode(asked)}"
    seen: set[str] = set()
    newest: datetime | None = None
    first_date: datetime | None = None
    ids: set[str] = set()
    while url is not None:
        if url in seen or len(seen) >= feed.pull.max_pages:
            raise FeedError("endless_paging", f"The pages of {resource} never end; ask who runs it, or raise pull.max_pages.")
        seen.add(url)
        answer = server.get(url)
        if len(seen) == 1:
            first_date = answer.date
        bundle = _bundle(answer.raw, resource)
        changed = [when for entry in objects(bundle.get("entry")) if (when := _updated(entry, resource))]
        ids.update(_ids(bundle, resource))
        newest = max([*changed, *([newest] if newest else [])], default=None)
        url = _next(bundle, url, feed, resource)
        sha256 = hashlib.sha256(answer.raw).hexdigest()
        whole = url is None and len(ids) >= _total(bundle)  # fewer: something moved or went between two pages
        mark = _mark(newest, since, first_date, timedelta(seconds=feed.pull.overlap_seconds)) if whole else None
        yield Page(resource, f"{resource}-{sha256[:16]}.json", answer.raw, url is None, mark)


def _mark(newest: datetime | None, since: datetime | None, server_date: datetime | None, overlap: timedelta) -> datetime | None:
    """Up to when a resource was read: the newest change seen, but never beyond the server's clock when the first page
    was asked for (what changes while paging may be missed), less the overlap; never back."""
    if newest is None:
        return None
    upto = min(newest, server_date) if server_date is not None else newest
    return upto - overlap if since is None else max(upto - overlap, since)


def _bundle(raw: bytes, resource: str) -> dict[str, Any]:
    try:
        bundle = fhir_json.value(raw.decode("utf-8-sig"))
    except ValueError:
        raise FeedError("not_a_searchset", f"A page of {resource} is not FHIR JSON; ask who runs the server.") from None
    if of(bundle, "resourceType") == "OperationOutcome":
        codes = ", ".join(code for issue in objects(bundle.get("issue")) if (code := text(issue.get("code"))) and len(code) < 40)
        raise FeedError("server_refused", f"The FHIR server answered with issues ({codes}) for {resource}; ask who runs it.")
    if of(bundle, "resourceType") != "Bundle" or of(bundle, "type") != "searchset":
        raise FeedError("not_a_searchset", f"The answer for {resource} is no searchset; mend the feed's location.")
    for entry in objects(bundle.get("entry")):
        outcome = entry.get("resource")
        if of(outcome, "resourceType") == "OperationOutcome" and any(
            issue.get("severity") in ("error", "fatal") for issue in objects(of(outcome, "issue"))
        ):
            raise FeedError("server_refused", f"The FHIR server says a page of {resource} is not whole; ask who runs it.")
    return dict(bundle)


def _updated(entry: dict[str, Any], resource: str) -> datetime | None:
    if of(entry, "resource", "resourceType") != resource:
        return None  # included ones have clocks of their own
    said = text(of(entry, "resource", "meta", "lastUpdated"))
    try:
        found = datetime.fromisoformat(said) if said else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _ids(bundle: dict[str, Any], resource: str) -> list[str]:
    found = [entry.get("resource") for entry in objects(bundle.get("entry"))]
    return [str(of(item, "id")) for item in found if of(item, "resourceType") == resource]


def _total(bundle: dict[str, Any]) -> int:
    total = bundle.get("total")  # not given: 0
    return int(total) if isinstance(total, Number) and total.isdecimal() else 0


def _next(bundle: dict[str, Any], url: str, feed: Feed, resource: str) -> str | None:
    """The address of the next page, on the feed's own server only."""
    links = [link for link in objects(bundle.get("link")) if link.get("relation") == "next"]
    if not links:
        return None
    target = text(links[0].get("url"))
    try:
        following = urljoin(url, target or "")
        if target is None or len(links) > 1 or origin(following) != origin(feed.location) or "@" in urlsplit(following).netloc:
            raise ValueError
    except ValueError:
        raise FeedError("wrong_link", f"A page of {resource} leads to another server or nowhere; it is not followed.") from None
    return following
