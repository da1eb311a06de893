"""people, events, decisions, profiles, what goes together, trends, rankers

Revision: 0004, after 0003
"""

from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")


def upgrade() -> None:
    _create_people()
    _create_events()
    _create_decisions()
    _create_months()
    op.create_table(
        "profiles",
        sa.Column("person_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("made", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("refreshed_at", _TIME, server_default=_NOW, nullable=False),
        _of_people("profiles", "person_id"),
        sa.PrimaryKeyConstraint("person_id", name="pk_profiles"),
    )
    op.create_table(
        "pairs",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("together", sa.Integer(), nullable=False),
        sa.Column("strength", sa.REAL(), nullable=False),
        _of_products("pairs", "product_id"),
        _of_products("pairs", "other_id"),
        sa.PrimaryKeyConstraint("product_id", "other_id", name="pk_pairs"),
    )
    op.create_index("ix_pairs_other", "pairs", ["other_id"])
    op.create_table(
        "trends",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("shown", sa.REAL(), server_default="0", nullable=False),
        sa.Column("clicked", sa.REAL(), server_default="0", nullable=False),
        _of_products("trends", "product_id"),
        sa.PrimaryKeyConstraint("product_id", name="pk_trends"),
    )
    op.create_index("ix_products_created_at", "products", ["created_at"])
    op.create_index("ix_trends_score", "trends", [sa.text("score desc")])
    op.create_table(
        "rankers",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", JSONB(), nullable=False),
        sa.Column("examples", sa.BigInteger(), nullable=False),
        sa.Column("report", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("held", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_rankers"),
    )


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint("kind in ('user', 'anonymous')", name=op.f("ck_people_kind")),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("kind", "name", name="uq_people_kind_name"),
    )
    op.create_table(
        "logins",
        sa.Column("anonymous_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        _of_people("logins", "anonymous_id"),
        _of_people("logins", "user_id"),
        sa.PrimaryKeyConstraint("anonymous_id", name="pk_logins"),
    )
    op.create_index("ix_logins_user_id", "logins", ["user_id"])


def _create_events() -> None:
    op.create_table(
        "event_ids",
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("event", name="pk_event_ids"),
    )
    op.create_index("ix_event_ids_at", "event_ids", ["at"])
    op.create_table(
        "events",
        sa.Column("at", _TIME, nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("anonymous_id", sa.BigInteger(), nullable=True),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("product_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("rating", sa.REAL(), nullable=True),
        sa.Column("list", sa.Text(), nullable=True),
        sa.Column("search_term", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("received_at", _TIME, server_default=_NOW, nullable=False),
        _of_people("events", "user_id"),
        _of_people("events", "anonymous_id"),
        sa.PrimaryKeyConstraint("at", "event", "line", name="pk_events"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_events_user", "events", ["user_id", "at"])
    op.create_index("ix_events_anonymous", "events", ["anonymous_id", "at"])
    op.create_index("ix_events_product", "events", ["product_id", "at"])
    op.create_index("ix_events_name", "events", ["name", "at"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("context", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("ranker", sa.BigInteger(), nullable=True),
        sa.Column("products", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("sources", ARRAY(sa.Text()), nullable=False),
        sa.Column("propensities", ARRAY(sa.REAL()), nullable=False),
        sa.Column("explored", ARRAY(sa.SmallInteger()), server_default="{}", nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=True),
        sa.Column("learned", sa.Boolean(), server_default="false", nullable=False),
        _of_people("decisions", "person_id"),
        sa.PrimaryKeyConstraint("id", "at", name="pk_decisions"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_decisions_id", "decisions", ["id"])
    op.create_index("ix_decisions_person", "decisions", ["person_id", "at"])
    op.create_index(
        "ix_decisions_open", "decisions", ["at"], postgresql_where=sa.text("not learned")
    )
    op.create_table(
        "feedback",
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("learned", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("decision", "position", "name", name="pk_feedback"),
    )
    op.create_index("ix_feedback_open", "feedback", ["at"], postgresql_where=sa.text("not learned"))


def _create_months() -> None:
    """This month and the two after it; housekeeping goes on from there."""
    today = datetime.now(UTC)
    months = [divmod(today.year * 12 + today.month - 1 + ahead, 12) for ahead in range(4)]
    for (year, month), (next_year, next_month) in pairwise(months):
        for table in ("events", "decisions"):
            op.execute(
                f"create table {table}_{year}_{month + 1:02} partition of {table} for values "
                f"from ('{year}-{month + 1:02}-01 00:00+00') "
                f"to ('{next_year}-{next_month + 1:02}-01 00:00+00')"
            )
    # What was shown is kept even where housekeeping never ran.
    op.execute("create table decisions_default partition of decisions default")


def _of_people(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["people.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _of_products(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["products.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def downgrade() -> None:
    # Nobody is left who knows this kind of work.
    op.execute("delete from work where kind = 'profile'")
    op.drop_index("ix_products_created_at", "products")
    for table in (
        *("rankers", "trends", "pairs", "profiles", "feedback", "decisions", "events"),
        *("event_ids", "logins", "people"),
    ):
        op.drop_table(table)
