"""Times of the real hardware, in microseconds of board time, for the simulator's --pace; sources in docs/SIMULATION.md.

What the interpreter does there is not in this table: it is this machine's CPU time times a factor (pace.py).
"""

from micropython import const

# Nanoseconds that a board takes for 1000 instructions of the emulated RV32 interpreter: cycles an instruction through the
# flash cache, by the chip's clock; ESP32 and S3 by published runs of one benchmark on all three chips.
NS_A_THOUSAND = {"esp32": 7300, "esp32s3": 6300, "esp32c3": 9400}
REFERENCE_INSTRUCTIONS = const(8553515)  # of pace_reference.run() on RV32, 256 KiB heap
TICK_INSTRUCTIONS = const(175000)  # of a control tick of one outlet that charges, on RV32: tools/target/budgets.json
COLLECTION_INSTRUCTIONS = const(166000)  # of gc.collect() on RV32, and for each KiB in use
COLLECTION_INSTRUCTIONS_A_KB = const(9100)

SHIM_CALL_US = const(2)  # a call of a C function of the port: argument checks, register access
ADC_CONVERSION_US = const(45)
PWM_SET_US = const(40)  # ledc_set_duty and ledc_update_duty
FLASH_READ_US_A_KB = const(30)
FLASH_PROGRAM_PAGE_US = {"typical": 700, "worst": 3000}  # 256 bytes
FLASH_ERASE_SECTOR_US = {"typical": 45000, "worst": 400000}  # 4 KiB
FLASH_PAGE = const(256)
NVS_COMMIT_US = {"typical": 1500, "worst": 60000}  # entries appended; worst with a page that is erased
SET_BOOT_US_A_KB = const(45)  # SHA-256 by the accelerator over what is read from flash: 1.6 MB in some 75 ms
WLAN_ACTIVE_US = {"typical": 100000, "worst": 300000}
WLAN_SCAN_US = {"typical": 1600000, "worst": 2500000}  # 13 channels of 120 ms, ESP-IDF's default of an active scan
LAN_ACTIVE_US = {"plugged": 2000000, "unplugged": 4000000}  # auto-negotiation, ESP-IDF's time-out of it
TLS_HANDSHAKE_US = {"rsa": 1200000, "ecdsa": 900000}
X509_PARSE_US = const(3000)
KEY_PARSE_US = const(20000)
TLS_RECORD_US = const(150)  # one read or write: framing, one AES-GCM record by the accelerator
TLS_US_A_KB = const(900)
SOCKET_CALL_US = const(120)  # into lwIP's thread and back
POLL_US = const(60)
RANDOM_US_A_BYTE = const(1)
UART_CALL_US = const(10)  # drivers have FIFOs: the transfer itself holds nothing up
I2C_BYTE_US = const(25)  # 9 bits at 400 kHz
I2C_CALL_US = const(150)  # command link of the driver
SPI_BYTE_US = const(8)  # 8 bits at 1 MHz
SPI_CALL_US = const(30)
