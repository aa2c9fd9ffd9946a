"""The version of this build, and the earliest time it can believe (SEC-27, UK-41)."""

VERSION = "0.1.0"
# No clock value before this build existed can be right: 2026-01-01T00:00:00Z, in seconds since 1970.
BUILD_UTC_S = 1767225600
# Raised by a release that closes a hole: an image with a lower one is refused (SEC-4).
COUNTER = 0
# YYYY-MM-DD: a release may promise security updates for longer than the factory did (SupportUntil); "" promises nothing.
SUPPORT_UNTIL = ""
