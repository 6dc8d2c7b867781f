"""The limits of a cell: how each is enforced, and the usage that is compared with it."""
