"""A catalogue of named statements. Each one takes the user first and sees that user's rows only."""
