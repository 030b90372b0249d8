"""Delivery: the payloads as sent, pacing between workers, leave to show detail.

Revision ID: 0004
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
