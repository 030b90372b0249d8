"""Presses on Slack cards, each once.

Revision ID: 0014
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
