#define MICROPY_HW_BOARD_NAME "Pilotlight ESP32-C6-DevKitC-1"
#define MICROPY_HW_MCU_NAME "ESP32C6"
#define PILOTLIGHT_CONTACTOR_PINS {2}
#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {0}

#include "../common/mpconfigboard_common.h"
