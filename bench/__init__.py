"""Figures of this project: ``python -m bench`` (or ``make bench``) prints measured values and bounds.

Each module has ``rows() -> list[Row]``. Both sides of a ratio are measured in one run, in turn.
"""
