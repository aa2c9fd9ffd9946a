set(SDKCONFIG_DEFAULTS boards/sdkconfig.base boards/sdkconfig.240mhz)
include(${MICROPY_BOARD_DIR}/../common/mpconfigboard_common.cmake)
