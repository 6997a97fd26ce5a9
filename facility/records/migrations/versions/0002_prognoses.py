"""What an assessment foresees: other failure modes it may be, days to the limit, what would refute it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assessment", sa.Column("prognosis", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("assessment") as table:
        table.drop_column("prognosis")
