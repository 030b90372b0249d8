"""${message}

Revision ID: ${up_revision}
"""

from pathlib import Path

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the .sql file of the same name, in the migration's transaction."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(statements)


def downgrade() -> None:
    """History is not unmade: restore a backup instead."""
    raise RuntimeError("There is no way back from ${up_revision}: restore a backup of the database instead.")
