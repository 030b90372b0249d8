"""A patient under every identifier they have.

Revision ID: 0023
"""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply 0023_pages_merged.sql, one statement after another, in the migration's transaction."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(statements)


def downgrade() -> None:
    """History is not unmade: restore a backup instead."""
    raise RuntimeError("There is no way back from 0023: restore a backup of the database instead.")
