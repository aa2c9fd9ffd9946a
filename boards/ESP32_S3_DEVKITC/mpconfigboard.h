#define MICROPY_HW_BOARD_NAME "Pilotlight ESP32-S3-DevKitC"
#define MICROPY_HW_MCU_NAME "ESP32S3"
#define PILOTLIGHT_CONTACTOR_PINS {6}
#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {0}

// The heap lies in the PSRAM and is as large from the start on as it has to be, so that it never grows: a collection
// takes longer the larger the heap is, and has to stay below 15 ms (board.md has the figures).
#define MICROPY_GC_INITIAL_HEAP_SIZE (256 * 1024)

#include "../common/mpconfigboard_common.h"
