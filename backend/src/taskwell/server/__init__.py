"""One parent that starts everything and answers nothing, and workers that answer requests."""
