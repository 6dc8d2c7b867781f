"""argv → Request; the only place that prints or exits."""
