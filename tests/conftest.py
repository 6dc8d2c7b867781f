"""What every test relies on, however pytest was started."""

import signal

# A shell starts its background jobs ignoring SIGINT, and whatever a test starts would ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
