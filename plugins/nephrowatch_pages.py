"""A link in Airflow's menu to Nephrowatch's own pages. Thin, like the DAGs: it asks for one address and decides nothing.

Where the pages are is the `link` of site.yaml, as in every message. A site whose configuration cannot be read has no link: the
DAGs say then, in red, what is wrong.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from monitors.web.address import pages_address

ADDRESS = pages_address(os.environ)


class NephrowatchPages(AirflowPlugin):
    """An external link (no `url_route`): the pages refuse to be shown inside another page."""

    name = "nephrowatch_pages"
    external_views: list[dict[str, Any]] = [
        {"name": "Nephrowatch", "href": ADDRESS, "destination": "nav", "category": "browse"},
    ] if ADDRESS else []  # fmt: skip
