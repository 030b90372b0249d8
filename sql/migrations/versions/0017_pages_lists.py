"""A bounded page of every list, and a patient under every identifier.

Revision ID: 0017
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
