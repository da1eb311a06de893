"""events that find their product when it is listed after them, and are told from their doubles

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_events_product", "events")
    op.create_index("ix_events_item", "events", ["item"])
    op.add_column("events", sa.Column("key", sa.LargeBinary(), nullable=True))
    op.add_column("profiles", sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_profiles_oldest_at", "profiles", ["oldest_at"])
    # Events that came before their product, or before it was deleted and listed again.
    op.execute(
        """
        insert into work (kind, key)
        select 'mentions', products.id::text from products
        where exists (
            select from events
            where events.item = products.seller_id || ':' || products.sku
              and events.product_id is distinct from products.id
        )
        on conflict (kind, key) do nothing
        """
    )


def downgrade() -> None:
    # Nobody is left who knows these kinds of work.
    op.execute("delete from work where kind in ('mentions', 'remake')")
    op.drop_index("ix_profiles_oldest_at", "profiles")
    op.drop_column("profiles", "oldest_at")
    op.drop_column("events", "key")
    op.drop_index("ix_events_item", "events")
    op.create_index("ix_events_product", "events", ["product_id", "at"])
