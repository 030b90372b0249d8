"""What deciding needs besides rules and results: the site as it was.

Revision ID: 0011
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
