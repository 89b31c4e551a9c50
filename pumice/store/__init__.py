"""The only place with SQL: the engine, transactions, and one module of queries per resource.

May import model, errors, seams, settings, context and trace. Each query is a constant next to the one
function that uses it, with named parameters (``:name``) and SQL that SQLite and PostgreSQL both read.
"""
