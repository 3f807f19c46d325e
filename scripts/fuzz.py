from holdfast.cli.fuzz import cli

__all__ = ["cli"]
