"""Parsers by name, imported when they are first asked for; plugins may add theirs."""

import importlib
import importlib.util
import os


def make_manager(kind):
    """Return the manager class of one kind of parsers."""

    class Manager:
        _classes: dict = {}
        _lazy: dict = {}

        @classmethod
        def get(cls, name):
            if name in cls._classes:
                return cls._classes[name]
            if name not in cls._lazy:
                raise KeyError(f"{kind} '{name}' not found.")
            module, class_name = cls._lazy[name]
            cls._classes[name] = getattr(importlib.import_module(module), class_name)
            return cls._classes[name]

        @classmethod
        def list_registered(cls):
            """Return the names of all parsers."""
            return sorted({*cls._classes, *cls._lazy})

        @classmethod
        def register_lazy_module(cls, name, module_path, class_name):
            """Add a parser without importing it."""
            cls._lazy[name] = (module_path, class_name)

        @classmethod
        def register_module(cls, name=None, force=True, module=None):
            """Add a parser class, called or as a decorator."""
            del force
            names = name if isinstance(name, (list, tuple)) else [name]

            def add(found):
                cls._classes.update({n or found.__name__: found for n in names})
                return found

            return add if module is None else add(module)

        @classmethod
        def load_plugin(cls, path):
            """Import a plugin file; a failure is logged, not raised, as in 0.13.0."""
            from vllm.logger import init_logger

            name = os.path.splitext(os.path.basename(path))[0]
            try:
                spec = importlib.util.spec_from_file_location(name, path)
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
            except Exception:
                init_logger(__name__).exception("Failed to load module '%s' from %s.", name, path)

    return Manager
