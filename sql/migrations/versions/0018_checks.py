"""How each Slack destination stood when it was last asked.

Revision ID: 0018
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
