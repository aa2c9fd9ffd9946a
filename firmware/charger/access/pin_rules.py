"""What a new PIN has to be like (SEC-2). Plain Python, so that the factory's tool asks the same of the PINs it draws."""

SHORTEST = 8
LONGEST = 16
_PART = 4  # digits of the serial number that may not be in a PIN, in a row


def why_not(pin: str, serial: str = "") -> str:
    """Why this cannot be a PIN, as a sentence; '' when it can."""
    if not isinstance(pin, str) or not pin or any(ch not in "0123456789" for ch in pin):
        return "A PIN has digits only."
    if not SHORTEST <= len(pin) <= LONGEST:
        return "A PIN has %d to %d digits." % (SHORTEST, LONGEST)
    if len(set(pin)) < 3:
        return "A PIN has at least three different digits."
    if _is_run(pin):
        return "A PIN is no sequence of digits."
    if pin == pin[: len(pin) // 2] * 2 and _is_run(pin[: len(pin) // 2]):
        return "A PIN is no repeated sequence."
    digits = "".join([ch for ch in serial if ch in "0123456789"])
    if _shares(pin, digits) or (digits and pin in digits):
        return "A PIN does not come from the serial number."
    return ""


def _is_run(digits: str) -> bool:
    """Up or down by one each, 9 and 0 being neighbours."""
    steps = {(int(digits[at + 1]) - int(digits[at])) % 10 for at in range(len(digits) - 1)}
    return steps in ({1}, {9})


def _shares(pin: str, digits: str) -> bool:
    """True when the PIN holds so many digits of the serial number in a row, zeros that only fill it up apart."""
    for at in range(len(digits) - _PART + 1):
        part = digits[at : at + _PART]
        if part != "0" * _PART and part in pin:
            return True
    return False
