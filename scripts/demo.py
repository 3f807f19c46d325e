from holdfast.cli.demo import cli

__all__ = ["cli"]
