"""What a migration does: applies the .sql file of its own name, and never goes back. Called by sql/migrations/versions."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from alembic import op


def apply_beside(migration: str) -> None:
    """Run the .sql file beside a migration (its `__file__`), one statement after another, in the migration's transaction."""
    statements = Path(migration).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(statements)


def no_way_back(revision: str) -> NoReturn:
    """History is not unmade: restore a backup instead. Raises RuntimeError."""
    raise RuntimeError(f"There is no way back from {revision}: restore a backup of the database instead.")
