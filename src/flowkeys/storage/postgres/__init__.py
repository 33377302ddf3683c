"""PostgreSQL: the database of servers that share one."""
