"""Answers on lists, deficiencies with their trails, service days, and published briefs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "result_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=False),
        sa.Column("measured", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("mended", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("found_by", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("entry", sa.String(length=20), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_result_entry_plan_plan"),
        sa.PrimaryKeyConstraint("id", name="pk_result_entry"),
    )
    op.create_index("ix_result_entry_asset", "result_entry", ["asset"])
    op.create_index("ix_result_entry_plan_item", "result_entry", ["plan", "item"])
    op.create_table(
        "deficiency",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("fault", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deficiency"),
    )
    op.create_index("ix_deficiency_asset", "deficiency", ["asset"])
    op.create_table(
        "deficiency_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deficiency", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("move", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["deficiency"], ["deficiency.id"], name="fk_deficiency_step_deficiency_deficiency"),
        sa.PrimaryKeyConstraint("id", name="pk_deficiency_step"),
    )
    op.create_index("ix_deficiency_step_deficiency", "deficiency_step", ["deficiency"])
    op.create_index("ix_deficiency_step_plan_item", "deficiency_step", ["plan", "item"])
    op.create_table(
        "service_day_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("move", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_day_step"),
    )
    op.create_index("ix_service_day_step_day", "service_day_step", ["day"])
    op.create_table(
        "brief",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_brief"),
    )
    op.create_index("ix_brief_service_day", "brief", ["service_day"])


def downgrade() -> None:
    for table in ("brief", "service_day_step", "deficiency_step", "deficiency", "result_entry"):
        op.drop_table(table)
