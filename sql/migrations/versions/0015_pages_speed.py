"""What the pages ask for over ten years of history.

Revision ID: 0015
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
