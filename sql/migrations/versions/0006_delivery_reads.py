"""Delivery reads no patient: it shows no detail yet.

Revision ID: 0006
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
