#define MICROPY_HW_BOARD_NAME "Pilotlight ESP32-S2 EVSE DA"
#define MICROPY_HW_MCU_NAME "ESP32S2"
#define PILOTLIGHT_CONTACTOR_PINS {21}
#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {0}

#include "../common/mpconfigboard_common.h"
