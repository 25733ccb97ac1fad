"""A simulated vLLM: the modules, names and behaviour of 0.13.0 that parsers touch. Own code."""

__version__ = "0.13.0"
