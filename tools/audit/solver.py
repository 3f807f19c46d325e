"""One SMT query, asked of three solvers at once; prints what the first to decide says. Halmos runs it: solver.py FILE.

They fail on different questions. Z3 gets it as one about integers (integers.py), in which most lemmas about products
and quotients are short; a counterexample it tries on the words. cvc5 turns words into integers by itself.
Bitwuzla works bit by bit, with products abstracted, and is the fastest to find a counterexample. An `unknown` of all
is `unknown`. Each runs in a process of its own, which ends with this one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("integers", "cvc5", "bitwuzla")
DECIDED = ("sat", "unsat")
HEAD_START_SECONDS = 2.0


def ask_integers(path: str) -> None:
    from integers import ask

    print(ask(path), end="", flush=True)


def ask_cvc5(path: str) -> None:
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("produce-models", "true")
    solver.setOption("solve-bv-as-int", "sum")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, path)
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        print(command.invoke(solver, symbols), end="", flush=True)


def ask_bitwuzla(path: str) -> None:
    import bitwuzla

    options = bitwuzla.Options()
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    options.set(bitwuzla.Option.ABSTRACTION, True)
    bitwuzla.Parser(bitwuzla.TermManager(), options).parse(path)


def race(path: str) -> str:
    """The output of the first solver that decides, else `unknown`. The first has a head start: it is mostly enough."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    first, *waiting = NAMES
    start = time.monotonic()
    try:
        running[first] = launch(first, path)
        while running or waiting:
            if not running or time.monotonic() - start > HEAD_START_SECONDS:
                running |= {name: launch(name, path) for name in waiting}
                waiting = []
            for name, process in list(running.items()):
                if process.poll() is None:
                    continue
                del running[name]
                answer = Path(f"{path}.{name}").read_text()
                if answer.split("\n", 1)[0] in DECIDED:
                    return answer
            time.sleep(0.01)
    finally:
        for process in running.values():
            process.kill()
    return "unknown\n"


def launch(name: str, path: str) -> subprocess.Popen[bytes]:
    with Path(f"{path}.{name}").open("wb") as stdout:
        return subprocess.Popen(
            [sys.executable, __file__, f"--{name}", path], stdout=stdout, stderr=subprocess.DEVNULL
        )


def main() -> None:
    ask = {"--integers": ask_integers, "--cvc5": ask_cvc5, "--bitwuzla": ask_bitwuzla}
    if sys.argv[1] in ask:
        ask[sys.argv[1]](sys.argv[2])
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Halmos' timeout: the children end, too
        sys.stdout.write(race(sys.argv[1]))
    sys.stdout.flush()
    with contextlib.suppress(OSError):
        os._exit(0)  # the solvers' own clean-up at the end may crash


if __name__ == "__main__":
    main()
