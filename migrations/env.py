"""Runs the revisions in `versions` over the connection that `library.Library` hands in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
