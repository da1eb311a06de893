"""ads: campaigns, creatives, budgets, the ledger, auctions, their events, the click model

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")
_CLOCK = sa.text("clock_timestamp()")
# In the order in which they refer to each other.
_TABLES = (
    *("advertisers", "advertiser_members", "campaigns", "creatives", "creative_images"),
    *("budgets", "controls", "ledger"),
    *("ad_decisions", "ad_slots"),
    *("ad_events", "ad_unsigned", "conversions", "attributions"),
    *("creative_stats", "click_models"),
)


def upgrade() -> None:
    _create_accounts()
    _create_money()
    _create_decisions()
    _create_events()
    _create_learning()
    _keep_ledger()


def downgrade() -> None:
    # Nobody is left who knows this kind of work.
    op.execute("delete from work where kind = 'creative'")
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("drop function refuse_change")


def _create_accounts() -> None:
    op.create_table(
        "advertisers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_advertisers"),
    )
    op.create_table(
        "advertiser_members",
        sa.Column("advertiser_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["advertiser_id"], ["advertisers.id"], name="fk_advertiser_members_advertiser_id"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_advertiser_members_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("advertiser_id", "person_id", name="pk_advertiser_members"),
    )
    op.create_index("ix_advertiser_members_person_id", "advertiser_members", ["person_id"])
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("advertiser_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("total_budget_micros", sa.BigInteger(), nullable=False),
        sa.Column("daily_budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("bid_type", sa.Text(), nullable=False),
        sa.Column("bid_micros", sa.BigInteger(), nullable=False),
        sa.Column("lowest_bid_micros", sa.BigInteger(), nullable=True),
        sa.Column("highest_bid_micros", sa.BigInteger(), nullable=True),
        sa.Column("target_cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("pacing", sa.Text(), nullable=False),
        sa.Column("caps", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("targeting", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("exclusions", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("reserve_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("click_days", sa.Integer(), nullable=False),
        sa.Column("view_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.CheckConstraint("bid_type in ('cpc', 'cpm', 'cpa')", name=op.f("ck_campaigns_bid_type")),
        sa.CheckConstraint("pacing in ('even', 'asap')", name=op.f("ck_campaigns_pacing")),
        sa.CheckConstraint(
            "state in ('active', 'paused', 'archived')", name=op.f("ck_campaigns_state")
        ),
        sa.ForeignKeyConstraint(
            ["advertiser_id"], ["advertisers.id"], name="fk_campaigns_advertiser_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("slug", name="uq_campaigns_slug"),
    )
    op.create_index("ix_campaigns_advertiser_id", "campaigns", ["advertiser_id"])
    op.create_index("ix_campaigns_updated_at", "campaigns", ["updated_at"])
    op.create_table(
        "creatives",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("call_to_action", sa.Text(), server_default="", nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("seller_id", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.CheckConstraint(
            "state in ('active', 'paused', 'archived')", name=op.f("ck_creatives_state")
        ),
        sa.CheckConstraint(
            "(seller_id is null) = (sku is null)", name=op.f("ck_creatives_product")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_creatives_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_creatives"),
        sa.UniqueConstraint("slug", name="uq_creatives_slug"),
    )
    op.create_index("ix_creatives_campaign_id", "creatives", ["campaign_id"])
    op.create_index("ix_creatives_product", "creatives", ["seller_id", "sku"])
    op.create_index("ix_creatives_updated_at", "creatives", ["updated_at"])
    op.create_table(
        "creative_images",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("cid", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint("kind in ('creative', 'example')", name=op.f("ck_creative_images_kind")),
        sa.CheckConstraint(
            "state in ('received', 'embedded', 'searchable', 'failed')",
            name=op.f("ck_creative_images_state"),
        ),
        sa.ForeignKeyConstraint(["cid"], ["images.cid"], name="fk_creative_images_cid"),
        sa.PrimaryKeyConstraint("id", name="pk_creative_images"),
        sa.UniqueConstraint("kind", "owner_id", "cid", name="uq_creative_images_kind_owner_id_cid"),
    )
    op.create_index("ix_creative_images_cid", "creative_images", ["cid"])


def _create_money() -> None:
    op.create_table(
        "budgets",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total_micros", sa.BigInteger(), nullable=False),
        sa.Column("daily_micros", sa.BigInteger(), nullable=True),
        sa.Column("spent_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("day_spent_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.CheckConstraint(
            "spent_micros >= 0 and day_spent_micros >= 0", name=op.f("ck_budgets_spent")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_budgets_campaign_id"),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_budgets"),
    )
    op.create_index("ix_budgets_updated_at", "budgets", ["updated_at"])
    op.create_table(
        "controls",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pace", sa.Double(), server_default="1", nullable=False),
        sa.Column("bid_micros", sa.BigInteger(), nullable=True),
        sa.Column("state", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_controls_campaign_id"),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_controls"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", _TIME, server_default=_CLOCK, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.BigInteger(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refunds", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "(kind = 'charge' and amount_micros > 0) or (kind = 'refund' and amount_micros < 0)",
            name=op.f("ck_ledger_amount"),
        ),
        sa.CheckConstraint(
            "(kind = 'refund') = (refunds is not null)", name=op.f("ck_ledger_refunds")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_ledger_campaign_id"),
        sa.ForeignKeyConstraint(["creative_id"], ["creatives.id"], name="fk_ledger_creative_id"),
        sa.ForeignKeyConstraint(["refunds"], ["ledger.id"], name="fk_ledger_refunds"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sa.UniqueConstraint("key", name="uq_ledger_key"),
    )
    op.create_index("ix_ledger_campaign", "ledger", ["campaign_id", "at"])
    op.create_index("ix_ledger_page", "ledger", ["campaign_id", "id"])
    op.create_index("ix_ledger_refunds", "ledger", ["refunds"])


def _create_decisions() -> None:
    op.create_table(
        "ad_decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("click_model", sa.BigInteger(), nullable=False),
        sa.Column("context", JSONB(), nullable=False),
        sa.Column("trace", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_ad_decisions_person_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ad_decisions"),
    )
    op.create_index("ix_ad_decisions_at", "ad_decisions", ["at"])
    op.create_index("ix_ad_decisions_person_id", "ad_decisions", ["person_id"])
    op.create_table(
        "ad_slots",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("bid_micros", sa.BigInteger(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("expected_micros", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.REAL(), nullable=False),
        sa.Column("relevance", sa.REAL(), nullable=False),
        sa.Column("loss", sa.REAL(), nullable=True),
        sa.Column("features", sa.LargeBinary(), nullable=True),
        sa.Column("learned", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_ad_slots_person_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("decision", "position", name="pk_ad_slots"),
    )
    op.create_index("ix_ad_slots_at", "ad_slots", ["at"])
    op.create_index("ix_ad_slots_campaign", "ad_slots", ["campaign_id", "at"])
    op.create_index("ix_ad_slots_open", "ad_slots", ["at"], postgresql_where=sa.text("not learned"))
    op.create_index("ix_ad_slots_person", "ad_slots", ["person_id", "campaign_id", "at"])


def _create_events() -> None:
    op.create_table(
        "ad_events",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("billed_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("invalid", sa.Text(), nullable=True),
        sa.Column("unbilled", sa.Text(), nullable=True),
        sa.Column("learned", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "kind in ('impression', 'viewable', 'click', 'conversion')",
            name=op.f("ck_ad_events_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_ad_events_person_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("decision", "position", "kind", name="pk_ad_events"),
    )
    op.create_index("ix_ad_events_at", "ad_events", ["at"])
    op.create_index("ix_ad_events_campaign", "ad_events", ["campaign_id", "at"])
    op.create_index(
        "ix_ad_events_open",
        "ad_events",
        ["kind", "at"],
        postgresql_where=sa.text(
            "not learned and invalid is null and kind in ('impression', 'click')"
        ),
    )
    op.create_index("ix_ad_events_person", "ad_events", ["person_id", "at"])
    op.create_table(
        "ad_unsigned",
        sa.Column("hour", _TIME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "kind", "reason", name="pk_ad_unsigned"),
    )
    op.create_table(
        "conversions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("received_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.Column("value_micros", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("invalid", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_conversions_person_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_conversions"),
        sa.UniqueConstraint("key", name="uq_conversions_key"),
    )
    op.create_index("ix_conversions_at", "conversions", ["at"])
    op.create_index("ix_conversions_person", "conversions", ["person_id"])
    op.create_table(
        "attributions",
        sa.Column("conversion_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("creative_id", sa.BigInteger(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("touch", sa.Text(), nullable=False),
        sa.Column("last_touch", sa.Double(), nullable=False),
        sa.Column("position_based", sa.Double(), nullable=False),
        sa.Column("learned", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("touch in ('view', 'click')", name=op.f("ck_attributions_touch")),
        sa.ForeignKeyConstraint(
            ["conversion_id"], ["conversions.id"], name="fk_attributions_conversion_id"
        ),
        sa.PrimaryKeyConstraint("conversion_id", "decision", "position", name="pk_attributions"),
    )
    op.create_index(
        "ix_attributions_open",
        "attributions",
        ["conversion_id"],
        postgresql_where=sa.text("not learned"),
    )
    op.create_index("ix_attributions_slot", "attributions", ["decision", "position"])
    op.create_index("ix_attributions_campaign", "attributions", ["campaign_id", "at"])


def _create_learning() -> None:
    op.create_table(
        "creative_stats",
        sa.Column("creative_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("impressions", sa.Double(), server_default="0", nullable=False),
        sa.Column("clicks", sa.Double(), server_default="0", nullable=False),
        sa.Column("conversions", sa.Double(), server_default="0", nullable=False),
        sa.Column("updated_at", _TIME, server_default=_CLOCK, nullable=False),
        sa.ForeignKeyConstraint(
            ["creative_id"], ["creatives.id"], name="fk_creative_stats_creative_id"
        ),
        sa.PrimaryKeyConstraint("creative_id", name="pk_creative_stats"),
    )
    op.create_table(
        "click_models",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", JSONB(), nullable=False),
        sa.Column("examples", sa.BigInteger(), nullable=False),
        sa.Column("report", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("held", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_click_models"),
    )


def _keep_ledger() -> None:
    """Let nobody change or remove what was booked."""
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception 'The ledger is only ever added to: book a refund.';
        end
        $$
        """
    )
    op.execute(
        """
        create trigger keep_ledger before update or delete or truncate on ledger
        for each statement execute function refuse_change()
        """
    )
