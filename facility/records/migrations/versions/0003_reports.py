"""Residents' reports, their trail, and, apart from both, who made them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("said_place", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sure", sa.Double(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("category_why_zh", sa.String(), nullable=False),
        sa.Column("category_why_en", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("building", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("floor", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("place_why_zh", sa.String(), nullable=False),
        sa.Column("place_why_en", sa.String(), nullable=False),
        sa.Column("place_choices", sa.JSON(), nullable=False),
        sa.Column("merged_into", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["report.id"], name="fk_report_merged_into_report"),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
        sa.UniqueConstraint("key", name="uq_report_key"),
    )
    for column in ("at", "asset", "merged_into", "closed_at"):
        op.create_index(f"ix_report_{column}", "report", [column])
    op.create_table(
        "report_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["report"], ["report.id"], name="fk_report_step_report_report"),
        sa.PrimaryKeyConstraint("id", name="pk_report_step"),
    )
    op.create_index("ix_report_step_report", "report_step", ["report"])
    op.create_table(
        "reporter",
        sa.Column("report", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["report"], ["report.id"], name="fk_reporter_report_report"),
        sa.PrimaryKeyConstraint("report", name="pk_reporter"),
    )


def downgrade() -> None:
    op.drop_table("reporter")
    op.drop_index("ix_report_step_report", table_name="report_step")
    op.drop_table("report_step")
    for column in ("at", "asset", "merged_into", "closed_at"):
        op.drop_index(f"ix_report_{column}", table_name="report")
    op.drop_table("report")
