"""Commands of a person to this unit, from the local API or by MQTT (SEC-13, SEC-18).

A command is a name and a dict of arguments, which is checked against the command's spec first; the answer is a dict, or
CommandError with a sentence. The caller has established the person's role (access/pin.py); access/roles.py says what a
role may do. Each module of this package has COMMANDS; table.py joins them.
"""

# kinds of CommandError
FORBIDDEN = "forbidden"  # not allowed for this role
INVALID = "invalid"  # invalid arguments
UNKNOWN = "unknown"  # no such object
CONFLICT = "conflict"  # not in the present state
WAIT = "wait"  # too many wrong PINs; see `wait_s`
UNABLE = "unable"  # this unit cannot do it, or not now
