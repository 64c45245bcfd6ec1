"""The way from any earlier schema to this version's, run by hand or by `taskwell migrate`."""
