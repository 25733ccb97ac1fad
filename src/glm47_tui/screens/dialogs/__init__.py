"""Dialogs that lie over a step and hand back one answer."""
