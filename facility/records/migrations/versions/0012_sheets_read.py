"""Which sheets were read back for which list."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sheet_read",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_sheet_read_plan_plan"),
        sa.PrimaryKeyConstraint("id", name="pk_sheet_read"),
        sa.UniqueConstraint("plan", "digest", name="uq_sheet_read_plan"),
    )


def downgrade() -> None:
    op.drop_table("sheet_read")
