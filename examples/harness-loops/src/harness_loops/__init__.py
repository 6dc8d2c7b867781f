"""Event loops from the package index, and what is known of them."""
