"""Programs that keep a deployment alive: price pusher, liquidator, bidder, backstop.

Each decides purely (`decide`: snapshot in, actions out) and acts in one loop that all share. A keeper keeps nothing
that the chain can't tell it again.
"""
