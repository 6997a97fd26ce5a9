"""Answers that know the phone they were typed on, photos of a round, links taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("result_entry", sa.Column("device", sa.String(), nullable=False, server_default=""))
    op.add_column("result_entry", sa.Column("seq", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("result_entry", sa.Column("typed_at", sa.DateTime(timezone=True), nullable=True))
    typed = sa.text("device <> ''")
    op.create_index(
        "ux_result_entry_device_seq",
        "result_entry",
        ["plan", "device", "seq"],
        unique=True,
        sqlite_where=typed,
        postgresql_where=typed,
    )
    op.create_table(
        "round_photo",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("plan", sa.Integer(), sa.ForeignKey("plan.id"), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.UniqueConstraint("plan", "device", "seq"),
    )
    op.create_index("ix_round_photo_plan_item", "round_photo", ["plan", "item"])
    op.create_table(
        "round_link_step",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("plan", sa.Integer(), sa.ForeignKey("plan.id"), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
    )
    op.create_index("ix_round_link_step_plan", "round_link_step", ["plan"])


def downgrade() -> None:
    op.drop_table("round_link_step")
    op.drop_table("round_photo")
    op.drop_index("ux_result_entry_device_seq", table_name="result_entry")
    for column in ("typed_at", "seq", "device"):
        op.drop_column("result_entry", column)
