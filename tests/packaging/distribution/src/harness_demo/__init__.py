"""A backend that somebody else wrote: asyncio with a loop class of its own."""
