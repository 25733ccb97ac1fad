"""Loggers of the simulated vLLM."""

import logging
import os

_FORMAT = "%(levelname)s %(asctime)s [%(filename)s:%(lineno)d] %(message)s"


def init_logger(name):
    """Return the logger of a module."""
    logger = logging.getLogger(name)
    root = logging.getLogger("vllm")
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT, "%m-%d %H:%M:%S"))
        root.addHandler(handler)
        root.setLevel(os.environ.get("VLLM_LOGGING_LEVEL", "INFO"))
        root.propagate = False
    return logger
