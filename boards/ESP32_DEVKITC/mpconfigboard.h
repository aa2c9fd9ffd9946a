#define MICROPY_HW_BOARD_NAME "Pilotlight ESP32-DevKitC"
#define MICROPY_HW_MCU_NAME "ESP32"
#define PILOTLIGHT_CONTACTOR_PINS {26}
#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {0}
#define MICROPY_PY_MACHINE_DAC (0) // nothing is wired to it

#include "../common/mpconfigboard_common.h"
