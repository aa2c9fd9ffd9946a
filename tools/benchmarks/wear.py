"""Flash wear: what the stores of sessions and energy cost, projected to ten years of a car a day."""

from .inside import run

ENDURANCE = 100_000  # erase cycles a block, as the makers of NOR flash for ESP32 modules state
_SESSIONS = 3650


def rows():
    """The worst block decides."""
    f = run("inside_wear.py", 32)
    ten_years = f["worst_block_erases"] * _SESSIONS // f["sessions"]
    return [
        ("Flash writes per 12 kWh session",
         f"{f['programs'] / f['sessions']:.0f} programs, {f['erases'] / f['sessions']:.1f} erases, "
         f"{f['programmed_bytes'] / f['sessions'] / 1024:.0f} KiB"),
        ("Worst flash block after ten years of a session a day",
         f"{ten_years} erases, {ten_years / ENDURANCE:.1%} of {ENDURANCE:,}"),
    ]
