"""Putting and reading checkpoints: what sync and asyncio share."""
