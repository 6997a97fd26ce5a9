"""Operational records: what people and models have said, in a relational database (SQLAlchemy; SQLite by default).

`Records(path)` opens (and migrates) the database. The nouns each have a module beside this one.
"""
