"""Where the statements are written, in the expression language of SQLModel and SQLAlchemy.

The service runs what they are compiled to: see `taskwell.statements`. After a change here:
`python -m taskwell.queries`.
"""
