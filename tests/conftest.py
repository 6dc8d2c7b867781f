"""What every test relies on, however pytest was started."""

import signal

from hypothesis import HealthCheck, settings

# A shell starts its background jobs ignoring SIGINT, and whatever a test starts would ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long Hypothesis takes to generate a value is a fact about the load of the machine.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")
