"""How good recommendations would have been: what happened is split, and the later part foretold."""
