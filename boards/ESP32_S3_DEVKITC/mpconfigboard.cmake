set(IDF_TARGET esp32s3)
# 8 MiB of octal PSRAM (module N8R8)
set(SDKCONFIG_DEFAULTS boards/sdkconfig.base boards/sdkconfig.240mhz boards/sdkconfig.spiram_sx boards/sdkconfig.spiram_oct)
include(${MICROPY_BOARD_DIR}/../common/mpconfigboard_common.cmake)
