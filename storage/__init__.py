"""The database: the engine, the tables, and one file of methods for each word."""
