"""What people do about episodes, and the one way in which they may.

Revision ID: 0007
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
