"""Who an alert is assigned to, and until when and why somebody put it aside."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("assigned_to", sa.String(), nullable=False, server_default=""))
    op.add_column("alert", sa.Column("shelved_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alert", sa.Column("shelved_by", sa.String(), nullable=False, server_default=""))
    op.add_column("alert", sa.Column("shelved_why", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for column in ("shelved_why", "shelved_by", "shelved_until", "assigned_to"):
        op.drop_column("alert", column)
