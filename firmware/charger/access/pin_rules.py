"""Rules for a new PIN (SEC-2). Plain Python, so that the factory's tool applies the same rules to generated PINs."""

SHORTEST = 8
LONGEST = 16
_PART = 4  # consecutive digits of the serial number that a PIN may not contain


def why_not(pin: str, serial: str = "") -> str:
    """Return why this PIN is refused, as a sentence; '' when it is accepted."""
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
    """True for digits that go up or down by one; 0 follows 9."""
    steps = {(int(digits[at + 1]) - int(digits[at])) % 10 for at in range(len(digits) - 1)}
    return steps in ({1}, {9})


def _shares(pin: str, digits: str) -> bool:
    """True when the PIN contains that many consecutive digits of the serial number, leading zeros excluded."""
    for at in range(len(digits) - _PART + 1):
        part = digits[at : at + _PART]
        if part != "0" * _PART and part in pin:
            return True
    return False
