"""Bring GLM-4.7 up on Huawei Ascend servers: a terminal wizard and its command line."""

from __future__ import annotations

__version__ = "0.1.0"
