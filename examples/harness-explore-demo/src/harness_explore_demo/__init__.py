"""Generated programs with a latch of our own."""
