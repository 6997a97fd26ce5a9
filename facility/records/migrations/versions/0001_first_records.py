"""The first records: estate, assessments, alerts, plans, duties done, outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("reason_zh", sa.String(), nullable=False),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("follows", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["follows"], ["alert.id"], name="fk_alert_follows_alert"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    op.create_index("ix_alert_asset", "alert", ["asset"])
    op.create_index("ix_alert_cause", "alert", ["cause"])
    op.create_index("ix_alert_closed_at", "alert", ["closed_at"])
    op.create_index(
        "one_open_alert_a_cause",
        "alert",
        ["cause"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )

    op.create_table(
        "assessment",
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("horizon_days", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("sensor_probability", sa.Double(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("reason_zh", sa.String(), nullable=False),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.Column("coverage", sa.Double(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "as_of", name="pk_assessment"),
    )
    op.create_table(
        "duty_done",
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "duty", "done_on", name="pk_duty_done"),
    )
    op.create_table(
        "outcome",
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finding", sa.String(length=20), nullable=False),
        sa.Column("found_by", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "at", name="pk_outcome"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_index("ix_plan_service_day", "plan", ["service_day"])

    op.create_table(
        "site",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )
    op.create_table(
        "alert_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_alert_step_alert_alert"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_step"),
    )
    op.create_index("ix_alert_step_alert", "alert_step", ["alert"])

    op.create_table(
        "asset",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("building", sa.String(), nullable=False),
        sa.Column("floor", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("commissioned", sa.Date(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_asset_site_site"),
        sa.PrimaryKeyConstraint("id", name="pk_asset"),
    )
    op.create_index("ix_asset_kind", "asset", ["kind"])
    op.create_index("ix_asset_site", "asset", ["site"])

    op.create_table(
        "building",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_building_site_site"),
        sa.PrimaryKeyConstraint("site", "id", name="pk_building"),
    )


def downgrade() -> None:
    op.drop_table("building")

    op.drop_table("asset")

    op.drop_table("alert_step")
    op.drop_table("site")

    op.drop_table("plan")
    op.drop_table("outcome")
    op.drop_table("duty_done")
    op.drop_table("assessment")

    op.drop_table("alert")
