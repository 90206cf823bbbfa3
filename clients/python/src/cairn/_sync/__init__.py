# Generated of _async/__init__.py by scripts/generate.py.
"""The client for asyncio, from which the one without it (`cairn._sync`) is generated."""
