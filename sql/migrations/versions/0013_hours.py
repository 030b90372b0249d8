"""Messages that wait for the end of quiet hours, and what happens while nobody answers.

Revision ID: 0011
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
