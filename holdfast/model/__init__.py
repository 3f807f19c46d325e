"""The exact integer twin of every formula. Knows no chain."""
