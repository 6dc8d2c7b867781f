"""The gevent backend."""
