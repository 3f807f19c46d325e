"""The thin layer over a node: JSON-RPC, a local Anvil, and compiled contracts by name.

    from holdfast.chain.anvil import Anvil
    from holdfast.chain.artifacts import artifact
    from holdfast.chain.contract import deploy

`__init__` imports nothing: every Python of the virtual environment passes here (see `environment`).
"""
