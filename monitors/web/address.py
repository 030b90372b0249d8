"""Where the pages are, for others to link to."""

from __future__ import annotations

from collections.abc import Mapping

from monitors import config
from monitors.errors import NephrowatchError
from monitors.settings import settings_from


def pages_address(environment: Mapping[str, str]) -> str:
    """What messages link to, without the alert: the `link` of site.yaml. '' where the configuration cannot be read."""
    try:
        return without_alerts(config.load(settings_from(environment).config).site.link)
    except NephrowatchError:
        return ""


def without_alerts(link: str) -> str:
    """The pages' own address, of the address that alerts are linked to."""
    return link.rstrip("/").removesuffix("/alerts")
