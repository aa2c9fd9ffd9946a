"""`socket` of the bare-metal target, without a simulated uplink before it."""

from usocket import *  # noqa: F403
