"""A simulator's state directory, as far as provisioning has to know it."""

import fcntl
import json


class InUse(Exception):
    """A simulator, or another provisioning, has the directory."""


def hold(folder):
    """Hold the state directory as long as the result lives; InUse when another process does."""
    handle = open(folder / "lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise InUse(f"Another simulator uses '{folder}'.") from error
    return handle


def nvs(folder):
    """The unit's values in the non-volatile storage; {} for one that never ran."""
    try:
        return json.loads((folder / "nvs.json").read_text()).get("pilotlight", {})
    except (OSError, ValueError, AttributeError):
        return {}


def is_provisioned(folder):
    """Whether the unit has its credentials."""
    return nvs(folder).get("provisioned") == 1


def serial(folder):
    """The unit's serial number, None before it was provisioned."""
    return bytes.fromhex(nvs(folder).get("serial", "")).decode() or None
