"""What Ape must find in the environment, set for every program of this project's virtual environment.

Ape keeps caches in the home folder, py-solc-x looks for compilers there, and ape-foundry for `anvil` on PATH. Here all
three stay inside the project. `make setup` runs this module once; it leaves a `.pth` file in the virtual environment,
and from then on each Python of it calls `apply()` as it starts: `.venv/bin/ape run status` works with or without
`source .venv/bin/activate`. Variables that are already set win.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The root of the working copy: contracts, node_modules and build results lie under it."""

HOOK = "import holdfast.chain.environment as environment; environment.apply()\n"


def apply() -> None:
    """Sets APE_DATA_FOLDER and SOLCX_BINARY_PATH, and puts the native `anvil` first on PATH. Never raises."""
    os.environ.setdefault("APE_DATA_FOLDER", str(PROJECT / ".ape"))
    os.environ.setdefault("SOLCX_BINARY_PATH", str(PROJECT / "tools" / "solc"))
    # Told by listing, not by asking for the platform: this runs at the start of every Python, so it must be quick.
    for folder in PROJECT.glob("node_modules/@foundry-rs/anvil-*/bin"):
        path = os.environ.get("PATH", "")
        if str(folder) not in path.split(os.pathsep):
            os.environ["PATH"] = f"{folder}{os.pathsep}{path}"


def install() -> Path:
    """Writes the hook. Its name sorts after the editable install's own file, whose path it needs."""
    hook = Path(sysconfig.get_path("purelib")) / "holdfast_environment.pth"
    hook.write_text(HOOK)
    return hook


if __name__ == "__main__":
    install()
