"""`esp32` where code of the firmware imports it without using it while instructions are counted."""


class Partition:
    """No flash: nothing of what is counted here has any."""


class NVS:
    """No key store."""


HEAP_DATA = 4


def idf_heap_info(capabilities):
    """No heap but MicroPython's."""
    return []
