from holdfast.cli.deploy import cli

__all__ = ["cli"]
