"""What the metrics count.

Revision ID: 0008
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
