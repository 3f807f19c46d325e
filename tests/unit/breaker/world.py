"""The numbers that tests of the breaker share."""

from holdfast.types import Action, Grade, Item, Level

ALL = 0
ETH = 5  # shares its word with 4, 6 and 7
BTC = 8
MAX_PAUSE = 1_000
COOLDOWN = 500
GRACE = 100
TRIGGER = 50
GATE = 200
GAP = 300

NORMAL, CAUTIOUS, HALTED = Level

# The table once more, by hand: action -> (grades, levels, in grace as well?); the gate shuts Withdraw alone
TABLE = {
    Action.INCREASE: ({Grade.FRESH, Grade.SLOW}, {NORMAL}, True),
    Action.REDUCE: (set(Grade), set(Level), True),
    Action.WITHDRAW: ({Grade.FRESH, Grade.SLOW}, {NORMAL, CAUTIOUS}, True),
    Action.START: ({Grade.FRESH, Grade.SLOW}, {NORMAL, CAUTIOUS}, False),
    Action.TAKE: ({Grade.FRESH, Grade.SLOW}, {NORMAL, CAUTIOUS}, False),
    Action.DELEVERAGE: ({Grade.FRESH, Grade.SLOW}, {NORMAL, CAUTIOUS}, False),
    Action.WRITE_OFF: (set(Grade), {NORMAL, CAUTIOUS}, False),
}


def expected(action: Action, grade: Grade, level: Level, grace: bool, gated: bool = False) -> bool:
    grades, levels, in_grace = TABLE[action]
    open_gate = action != Action.WITHDRAW or not gated
    return grade in grades and level in levels and (in_grace or not grace) and open_gate


def item(underlying: int, grade: Grade = Grade.FRESH, weight_wad: int = 1_000) -> int:
    """As `check` takes it."""
    return Item(weight_wad=weight_wad, grade=grade, underlying=underlying).word
