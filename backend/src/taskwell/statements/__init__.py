"""The statements as the service runs them: text, made of what is written in `queries`.

Nothing here needs SQLAlchemy, and so no process that answers requests carries it.
"""
