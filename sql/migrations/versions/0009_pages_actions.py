"""The pages show what people did.

Revision ID: 0009
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
