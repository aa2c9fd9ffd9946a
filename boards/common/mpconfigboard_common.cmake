# What the mpconfigboard.cmake of every board ends with; MICROPY_BOARD_DIR is the board's folder. The board has set IDF_TARGET
# and, in SDKCONFIG_DEFAULTS, the files of the port that suit its chip: never sdkconfig.ble or sdkconfig.usb.

# No USB device: the console is the UART, and a product's USB port is no way in.
set(MICROPY_PY_TINYUSB OFF)

# The ESP-IDF looks for a partition table below the port unless its path is absolute, so the path is written here.
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/partitions.csv\"\n"
)

list(APPEND SDKCONFIG_DEFAULTS
    ${MICROPY_BOARD_DIR}/../common/sdkconfig.charger
    ${MICROPY_BOARD_DIR}/sdkconfig.board
    ${CMAKE_BINARY_DIR}/sdkconfig.partitions
)

set(MICROPY_SOURCE_BOARD
    ${MICROPY_BOARD_DIR}/../common/startup.c
)

# For mpy-tool with micropython.patch; the original refuses the option.
set(MICROPY_MPY_TOOL_FLAGS --rom-definitions=${MICROPY_BOARD_DIR}/../common/resident_modules.txt)

# Without FROZEN_MANIFEST on the command line the charger is frozen into the image.
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/../../manifest.py)
