"""How far the watcher has come, what it remembers of each condition, and what was held back and why."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watching",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watching"),
    )
    op.create_table(
        "watch_track",
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "channel", "code", name="pk_watch_track"),
    )
    op.create_table(
        "held_back",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("detail_zh", sa.String(), nullable=False),
        sa.Column("detail_en", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_held_back"),
    )
    op.create_index("ix_held_back_cause", "held_back", ["cause"])
    op.create_index("ix_held_back_asset", "held_back", ["asset"])
    op.create_index("ix_held_back_until", "held_back", ["until"])


def downgrade() -> None:
    for table in ("held_back", "watch_track", "watching"):
        op.drop_table(table)
