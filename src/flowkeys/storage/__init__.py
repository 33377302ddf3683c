"""The database: schema and statements in SQLAlchemy Core, run on the driver's own connection."""
