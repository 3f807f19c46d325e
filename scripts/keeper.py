from holdfast.cli.keeper import cli

__all__ = ["cli"]
