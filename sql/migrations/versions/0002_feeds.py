"""Feeds as a hospital sends them: facts, identity links, held and mended rows, silence, FHIR servers.

Revision ID: 0002
"""

from monitors.migrating import apply_beside, no_way_back

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_beside(__file__)


def downgrade() -> None:
    no_way_back(revision)
