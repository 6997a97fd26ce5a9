"""How Alembic reaches the records. The connection comes from `facility.records.opening`, or, for developers who
write a new migration with `alembic -x url=... revision --autogenerate`, from the command line."""

from alembic import context
from sqlalchemy import Connection, create_engine

from facility.records.tables import Table


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as own:
        migrate(own)
