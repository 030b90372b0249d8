"""The sites of whole nights, for what looks at one from outside."""

from tests.nights.conftest import site, two_sites

__all__ = ["site", "two_sites"]
