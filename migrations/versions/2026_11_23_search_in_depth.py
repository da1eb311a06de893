"""words of products, searches that found nothing, origins of keys, calibrations

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product_texts",
        sa.Column("product_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("terms", ARRAY(sa.Text()), nullable=False),
        sa.Column("described", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("product_id", name="pk_product_texts"),
    )
    op.create_index("ix_product_texts_terms", "product_texts", ["terms"], postgresql_using="gin")
    op.create_table(
        "vocabulary",
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.Column("mentions", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("term", name="pk_vocabulary"),
    )
    op.create_table(
        "vocabulary_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_vocabulary_state_id")),
        sa.PrimaryKeyConstraint("id", name="pk_vocabulary_state"),
    )
    op.create_table(
        "empty_searches",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("filter", JSONB(), nullable=True),
        sa.Column("searches", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("day", "digest", name="pk_empty_searches"),
    )
    op.create_table(
        "calibrations",
        sa.Column("generation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("measured", JSONB(), nullable=False),
        sa.Column(
            "measured_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name="fk_calibrations_generation_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation_id", name="pk_calibrations"),
    )
    op.add_column(
        "api_keys", sa.Column("origins", ARRAY(sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("api_keys", "origins")
    op.drop_table("calibrations")
    op.drop_table("empty_searches")
    op.drop_table("vocabulary_state")
    op.drop_table("vocabulary")
    op.drop_table("product_texts")
