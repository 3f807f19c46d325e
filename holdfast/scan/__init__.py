"""Portfolio margin in floating point: many accounts at once, and the hunt for portfolios that the grid doesn't see.

Analysis only: no number from here ever becomes money. `holdfast.model.portfolio` is the exact model.
"""
