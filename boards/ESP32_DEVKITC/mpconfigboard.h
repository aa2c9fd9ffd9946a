#define MICROPY_HW_BOARD_NAME "Pilotlight ESP32-DevKitC"
#define MICROPY_HW_MCU_NAME "ESP32"

// A charger has no use for these; each is also a way in.
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_HW_ENABLE_MDNS_QUERIES (0)
#define MICROPY_HW_ENABLE_MDNS_RESPONDER (0)
