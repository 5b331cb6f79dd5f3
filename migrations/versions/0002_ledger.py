"""What a take may be used for: the answer to be searched by, and the whole ledger. Takes from before have neither until
the library has read their recipes, see library.Library."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("takes", sa.Column("sell", sa.Text))
    op.add_column("takes", sa.Column("ledger", sa.Text))
    op.create_index("ix_takes_sell", "takes", ["sell"])
