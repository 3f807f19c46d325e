from holdfast.cli.status import cli

__all__ = ["cli"]
