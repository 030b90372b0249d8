"""The whole house: store, runs, episodes, outbox, history, and who may do what.

Revision ID: 0001
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
