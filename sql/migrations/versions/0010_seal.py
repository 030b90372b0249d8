"""Signed entries, and what each login may say in the ledger.

Revision ID: 0010
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
