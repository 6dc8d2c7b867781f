"""asyncio as a backend of harness. Imports nothing on purpose: listing backends must not import asyncio."""
