"""The only room that touches the database driver."""
