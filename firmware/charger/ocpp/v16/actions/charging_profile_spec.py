"""The form of a ChargingProfile, shared by SetChargingProfile and RemoteStartTransaction (OCPP-20, 100 to 104)."""

_PERIOD = (
    "obj",
    (
        ("startPeriod", ("int", 0, None)),
        ("limit", ("num", 0, 1000000)),
    ),
    (("numberPhases", ("int", 1, 3)),),
)
_SCHEDULE = (
    "obj",
    (
        ("chargingRateUnit", ("enum", ("A", "W"))),
        ("chargingSchedulePeriod", ("list", _PERIOD, None, 1)),
    ),
    (
        ("duration", ("int", 0, None)),
        ("startSchedule", ("time",)),
        ("minChargingRate", ("num", 0, None)),
    ),
)
PURPOSES = ("enum", ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"))
SPEC = (
    "obj",
    (
        ("chargingProfileId", ("int", None, None)),
        ("stackLevel", ("int", 0, None)),
        ("chargingProfilePurpose", PURPOSES),
        ("chargingProfileKind", ("enum", ("Absolute", "Recurring", "Relative"))),
        ("chargingSchedule", _SCHEDULE),
    ),
    (
        ("transactionId", ("int", None, None)),
        ("recurrencyKind", ("enum", ("Daily", "Weekly"))),
        ("validFrom", ("time",)),
        ("validTo", ("time",)),
    ),
)
