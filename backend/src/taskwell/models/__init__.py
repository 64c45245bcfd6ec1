"""What is stored: the tables, and their limits."""
