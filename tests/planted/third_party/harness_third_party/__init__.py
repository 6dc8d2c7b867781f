"""A backend of a third party outside asyncio: raw threads, with one fault of its implementation."""
