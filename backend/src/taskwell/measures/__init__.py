"""What is counted and timed, for those who run the service."""
