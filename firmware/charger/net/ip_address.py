"""IP addresses as text."""


def parse_ip(text: str) -> bytes | None:
    """4 or 16 octets of an IPv4 or IPv6 address (brackets allowed around IPv6), None for anything else."""
    if text.startswith("[") and text.endswith("]"):
        return _parse_v6(text[1:-1])
    return _parse_v6(text) if ":" in text else _parse_v4(text)


def _parse_v4(text: str) -> bytes | None:
    parts = text.split(".")
    if len(parts) != 4:
        return None
    for part in parts:
        if not _all_in(part, "0123456789", 3) or int(part) > 255 or (len(part) > 1 and part[0] == "0"):
            return None
    return bytes([int(part) for part in parts])


def _all_in(text: str, alphabet: str, longest: int) -> bool:
    return 0 < len(text) <= longest and all(ch in alphabet for ch in text)


def _parse_v6(text: str) -> bytes | None:
    halves = text.split("::")
    if len(halves) > 2:
        return None
    head = _groups(halves[0], len(halves) == 1)
    tail = _groups(halves[1], True) if len(halves) == 2 else b""
    if head is None or tail is None:
        return None
    gap = 16 - len(head) - len(tail)
    if gap < 0 or (len(halves) == 1 and gap) or (len(halves) == 2 and gap < 2):
        return None
    return head + bytes(gap) + tail


def _groups(text: str, last: bool) -> bytes | None:
    """The octets of colon-separated groups; a dotted IPv4 address may end the address."""
    if not text:
        return b""
    octets = b""
    groups = text.split(":")
    for index, group in enumerate(groups):
        if "." in group:
            dotted = _parse_v4(group) if last and index == len(groups) - 1 else None
            if dotted is None:
                return None
            octets += dotted
        elif _all_in(group, "0123456789abcdefABCDEF", 4):
            octets += int(group, 16).to_bytes(2, "big")
        else:
            return None
    return octets
