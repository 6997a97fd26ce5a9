"""How much is known of each asset, and since when what an alert tells of has lasted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assessment", sa.Column("state", sa.String(length=20), nullable=False, server_default="assessed"))
    op.add_column("assessment", sa.Column("failure", sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE assessment SET state = 'never_heard' WHERE coverage = 0")
    for name in ("began", "began_after", "began_before"):
        op.add_column("alert", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alert") as table:
        for name in ("began", "began_after", "began_before"):
            table.drop_column(name)
    with op.batch_alter_table("assessment") as table:
        table.drop_column("failure")
        table.drop_column("state")
