"""Backups of a database in a file: made while a server runs, examined, and put in the database's place."""
