"""A crash on a local chain, from an empty chain to a report: the whole of Holdfast at work."""
