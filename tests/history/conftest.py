"""The sites of whole nights, for what is sealed after one."""

from tests.nights.conftest import site

__all__ = ["site"]
