// Start-up code of the ESP32 boards, run by the port before MicroPython exists (MICROPY_BOARD_STARTUP in mpconfigboard.h).

#include <stdint.h>

#include "driver/gpio.h"
#include "esp_rom_gpio.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

#include "mpconfigboard.h"

void pilotlight_startup(void) {
    // Contactors open, before anything that could fail or wait.
    static const uint8_t pins[] = PILOTLIGHT_CONTACTOR_PINS;
    static const uint8_t open_levels[] = PILOTLIGHT_CONTACTOR_OPEN_LEVELS;
    _Static_assert(sizeof(pins) == sizeof(open_levels), "a level for each contactor output");
    for (unsigned int i = 0; i < sizeof(pins); ++i) {
        esp_rom_gpio_pad_select_gpio(pins[i]);
        gpio_set_level(pins[i], open_levels[i]);
        gpio_set_direction(pins[i], GPIO_MODE_OUTPUT);
    }

    // The port's own start-up code erases the NVS when it cannot be read, and the device key with it. Here it stays: an NVS
    // of a newer firmware can be read again once that firmware is back. Until then NVS calls raise, and so does the radio.
    (void)nvs_flash_init();
}

#if CONFIG_ESP_SYSTEM_PANIC_SILENT_REBOOT
// The ESP-IDF leaves this function out of a build with silent panics, and the port's panichandler.c calls it all the same.
void panic_print_str(const char *str);
void panic_print_str(const char *str) {
    (void)str;
}
#endif
