"""Many alerts of one unit and night in one message.

Revision ID: 0011
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
