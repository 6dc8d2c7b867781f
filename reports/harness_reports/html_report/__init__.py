"""The HTML report: one self-contained file that can be sent to a colleague."""
