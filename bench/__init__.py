"""Figures of this project: ``make bench`` prints measured values beside their bounds.

Each module has ``rows() -> list[Row]``. Both sides of a ratio are measured in one run, in turn.
"""
