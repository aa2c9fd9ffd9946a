"""National rules as data, one module a country. A rule that changes is a change of the table (UK-6).

NAME           ISO 3166 code
ZONE           POSIX TZ string of the local time
HOURS          default charging hours (weekly.py), None where the law sets none (UK-21)
PEAK           hours in which default charging hours must not lie
DELAY_S        default maximum of the random delay, 0 where the law asks for none (UK-31)
DELAY_MOST_S   greatest maximum that can be set (UK-30)
REDUCTION_W    power that is left while the grid operator's reduction signal is on, None where there is none
"""


def load(code: str):
    """The table of a country; for a code that is unknown that of the strictest one."""
    if code == "DE":
        from charger.grid.countries import de as table  # 130 to 220 frozen bytes: one of the tables is wanted

        return table
    if code == "none":
        from charger.grid.countries import none as table  # 130 to 220 frozen bytes, as above

        return table
    from charger.grid.countries import gb as table  # 130 to 220 frozen bytes, as above

    return table
