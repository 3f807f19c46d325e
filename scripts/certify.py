from holdfast.cli.certify import cli

__all__ = ["cli"]
