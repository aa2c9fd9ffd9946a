// What the mpconfigboard.h of every board includes: the port's start-up code, and parts of the port that a charger leaves out.

// boards/common/startup.c: contactors first, and the NVS is never erased
void pilotlight_startup(void);
#define MICROPY_BOARD_STARTUP pilotlight_startup

// Each name has its own place in the cache of look-ups: 2 to 9 % fewer instructions (docs/PERFORMANCE.md) for 0.9 KB of static memory.
#define MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE (1024)

// With micropython.patch: functions and classes of the modules in resident_modules.txt are constant objects, which take no heap.
#define MICROPY_MODULE_FROZEN_DEFINITIONS (1)
// One byte, 7 KB of flash less than with two and as many instructions (docs/PERFORMANCE.md)
#define MICROPY_QSTR_BYTES_IN_HASH (1)

// The console is the UART, never the chip's own USB.
#define MICROPY_HW_ENABLE_USBDEV (0)
#define MICROPY_HW_USB_CDC (0)
#define MICROPY_HW_ESP_USB_SERIAL_JTAG (0)

// A charger has no use for these; each is also a way in.
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_HW_ENABLE_MDNS_QUERIES (0)
#define MICROPY_HW_ENABLE_MDNS_RESPONDER (0)
#define MICROPY_PY_WEBREPL (0)
#define MICROPY_PY_WEBSOCKET (0) // the port's; net/websocket.py is our own

// Hardware that no board has, Ethernet but for one whose own file says so (docs/PARTS.md)
#ifndef MICROPY_PY_NETWORK_LAN
#define MICROPY_PY_NETWORK_LAN (0)
#endif
#define MICROPY_HW_ENABLE_SDCARD (0)
#define MICROPY_PY_MACHINE_I2S (0)
#define MICROPY_PY_MACHINE_DHT_READINTO (0)
#define MICROPY_PY_ONEWIRE (0)

// Of the language and its library
#define MICROPY_BOARD_WITHOUT_NATIVE_CODE (1) // neither emitters nor native .mpy files
#define MICROPY_PY_BUILTINS_COMPLEX (0)
#define MICROPY_PY_DEFLATE (0)
#define MICROPY_PY_HEAPQ (0)
#define MICROPY_PY_RE (0)
#define MICROPY_PY_UCTYPES (0)

// The port defines these on the command line (esp32_common.cmake); the linker drops what nothing refers to any more.
#undef MICROPY_PY_BTREE
#define MICROPY_PY_BTREE (0)
#undef MICROPY_VFS_FAT // littlefs alone is mounted
#define MICROPY_VFS_FAT (0)
