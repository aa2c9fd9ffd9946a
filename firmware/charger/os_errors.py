"""Classification of the OSErrors that the ESP32 port raises: a failing flash, or no memory in the C heap.

The port raises the ESP-IDF's codes negated (ESP_FAIL, -1, therefore as 1), except ESP_ERR_NO_MEM, ESP_ERR_TIMEOUT and
ESP_ERR_NOT_SUPPORTED, which become POSIX codes (mphalport.c, check_esp_err_). littlefs raises EIO for a failure that it
notices itself. mbedTLS and lwIP allocate outside of MicroPython's heap, so they never raise MemoryError.
"""

from micropython import const

_ESP_FAIL = const(1)
_EIO = const(5)
_ENOMEM = const(12)
_ENOBUFS = const(105)
_MPI_ALLOC = const(16)  # MBEDTLS_ERR_MPI_ALLOC_FAILED, which the port negates like a socket's code
_ASN1_ALLOC = const(0x6A)  # MBEDTLS_ERR_ASN1_ALLOC_FAILED, only as the low part of another code
# mbedTLS: PEM, X.509, DHM, PK, ECP, MD, CIPHER, SSL
_ALLOC_FAILED = (0x1180, 0x2880, 0x3400, 0x3F80, 0x4D80, 0x5180, 0x6180, 0x7F00)
_HIGH_LEVEL = const(0x1000)  # codes of mbedTLS's modules start here; the low 7 bits are those of the layer below
_LOW_PART = const(0x7F)


_ESP_GENERIC = (-0x110, -0x101)  # esp_err.h: ESP_ERR_NO_MEM to ESP_ERR_NOT_ALLOWED
_ESP_FLASH = (-0x601F, -0x6001)  # esp_flash_err.h; mbedTLS has no code in either range


def is_flash_failure(error: OSError) -> bool:
    """True when the flash itself failed; False for an absent file, a full file system, and for errors of the network."""
    code = error.errno
    if not isinstance(code, int):  # some are raised with a text alone
        return False
    if code in (_ESP_FAIL, _EIO):
        return True
    return _ESP_GENERIC[0] <= code <= _ESP_GENERIC[1] or _ESP_FLASH[0] <= code <= _ESP_FLASH[1]


def is_out_of_memory(error: BaseException) -> bool:
    """True when an allocation failed, in MicroPython's heap or in that of mbedTLS, lwIP and the Wi-Fi driver."""
    if isinstance(error, MemoryError):
        return True
    code = error.errno if isinstance(error, OSError) else None
    if not isinstance(code, int):
        return isinstance(error, RuntimeError) and _is_wifi_out_of_memory(error)
    if code in (_ENOMEM, _ENOBUFS, _MPI_ALLOC):
        return True
    code = -code
    low = code & _LOW_PART
    return code >= _HIGH_LEVEL and (code - low in _ALLOC_FAILED or low in (_MPI_ALLOC, _ASN1_ALLOC))


def _is_wifi_out_of_memory(error: RuntimeError) -> bool:
    """network_common.c raises what it does not know, ESP_ERR_NO_MEM included, as "Wifi Unknown Error 0x0101"."""
    text = str(error)
    return text.startswith("Wifi ") and (text.endswith("0x0101") or "emory" in text)
