"""Where the native Foundry programs lie.

npm's launchers lose exit codes, so the programs are called directly. `python -m holdfast.chain.binaries forge fmt`
runs one with the rest of the command line.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError

_MACHINES: Final = {
    "x86_64": "amd64",
    "AMD64": "amd64",
    "amd64": "amd64",
    "arm64": "arm64",
    "aarch64": "arm64",
}
_SYSTEMS: Final = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}


def native(program: str) -> Path:
    """The path of `anvil` or `forge` for this machine. ConfigError where npm didn't install it."""
    system = _SYSTEMS.get(platform.system(), platform.system().lower())
    machine = _MACHINES.get(platform.machine(), platform.machine())
    suffix = ".exe" if system == "win32" else ""
    package = f"{program}-{system}-{machine}"
    path = PROJECT / "node_modules" / "@foundry-rs" / package / "bin" / f"{program}{suffix}"
    if not path.is_file():
        raise ConfigError(f"{program} is missing (npm package @foundry-rs/{package}): run `make setup`")
    return path


def main() -> None:
    try:
        path = native(sys.argv[1])
    except ConfigError as error:
        sys.exit(str(error))
    os.execv(path, sys.argv[1:])


if __name__ == "__main__":
    main()
