"""The client for asyncio, from which the one without it (`cairn._sync`) is generated."""
