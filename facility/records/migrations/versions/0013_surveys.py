"""Surveys: forms, codes as digests, answers without a name."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_survey"),
        sa.UniqueConstraint("key", name="uq_survey_key"),
    )
    op.create_index("ix_survey_service_day", "survey", ["service_day"])
    op.create_table(
        "survey_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("building", sa.String(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["survey"], ["survey.id"], name="fk_survey_code_survey_survey"),
        sa.PrimaryKeyConstraint("id", name="pk_survey_code"),
        sa.UniqueConstraint("survey", "digest", name="uq_survey_code_survey"),
    )
    op.create_table(
        "survey_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survey", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("building", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("ratings", sa.JSON(), nullable=False),
        sa.Column("subjects", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["survey"], ["survey.id"], name="fk_survey_answer_survey_survey"),
        sa.PrimaryKeyConstraint("id", name="pk_survey_answer"),
    )
    op.create_index("ix_survey_answer_survey", "survey_answer", ["survey"])


def downgrade() -> None:
    for table in ("survey_answer", "survey_code", "survey"):
        op.drop_table(table)
