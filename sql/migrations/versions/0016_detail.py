"""Cards with details: who let a destination show them, and what they show.

Revision ID: 0016
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
