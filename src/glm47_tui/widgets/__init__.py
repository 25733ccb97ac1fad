"""Widgets of the wizard. They draw what they are given and know nothing of the engine."""
