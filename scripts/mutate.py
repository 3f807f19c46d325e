from holdfast.cli.mutate import cli

__all__ = ["cli"]
