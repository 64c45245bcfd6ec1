"""Verbs and rules. Nothing here knows HTTP."""
