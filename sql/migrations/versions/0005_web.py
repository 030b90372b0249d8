"""The pages: their login, what it may see, and who looked.

Revision ID: 0005
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
