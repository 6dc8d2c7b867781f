"""Questions about minipool, on each runtime that it supports."""
