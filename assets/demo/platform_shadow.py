"""The image's Python is 3.11; the interpreter that plays it may be a later one."""

import importlib.util as _util
import os as _os

_spec = _util.spec_from_file_location(
    "_real_platform", _os.path.join(_os.path.dirname(_os.__file__), "platform.py")
)
_real = _util.module_from_spec(_spec)
_spec.loader.exec_module(_real)
globals().update({k: v for k, v in vars(_real).items() if not k.startswith("__")})


def python_version():
    """Return the version of the image's Python."""
    return "3.11.13"
