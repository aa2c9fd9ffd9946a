"""The memory outside MicroPython's heap, from which mbedTLS, sockets and Wi-Fi allocate."""

from esp32 import HEAP_DATA, idf_heap_info


def largest_block() -> int:
    """Bytes of the largest free block."""
    return max([region[2] for region in idf_heap_info(HEAP_DATA)])
