"""Alembic's entry: run by `monitors.database.migrate` on the connection it hands over, as
nephrowatch_migrator.
"""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
connection.execute(text("CREATE SCHEMA IF NOT EXISTS nephrowatch"))  # alembic_version lives in it
context.configure(connection=connection, version_table_schema="nephrowatch")
with context.begin_transaction():
    context.run_migrations()
