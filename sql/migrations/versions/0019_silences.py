"""What people asked to hear nothing of for a while, and what was not told because of that.

Revision ID: 0019
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
