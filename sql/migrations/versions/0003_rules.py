"""Rules as people stand to them: signed, waived, stopped, resumed.

Revision ID: 0003
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
