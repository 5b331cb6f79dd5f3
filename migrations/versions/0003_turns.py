"""Who asked for a job, and when its turn came: clients take turns, and none may fill the queue. Jobs from before count
as the terminal's."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("client", sa.Text, nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("turn", sa.Integer))
    op.create_index("ix_jobs_client_turn", "jobs", ["client", "turn"])
