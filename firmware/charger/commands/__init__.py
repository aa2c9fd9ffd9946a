"""Commands of a person to this unit, from the local page or the owner's portal (SEC-13, SEC-18).

A command is a name and a plain dict, checked against its spec before anything is looked at; the answer is a plain dict,
or CommandError with a sentence. The caller has established the person's role (access/pin.py); what a role may do is in
access/roles.py. A module of this package has COMMANDS; table.py joins them.
"""

# kinds of CommandError
FORBIDDEN = "forbidden"  # not with this role
INVALID = "invalid"  # the arguments make no sense
UNKNOWN = "unknown"  # there is no such thing
CONFLICT = "conflict"  # not in the present state
WAIT = "wait"  # a PIN was wrong too often; `wait_s`
UNABLE = "unable"  # this unit cannot, or not now
