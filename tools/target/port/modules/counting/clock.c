// Time of the target: the machine's own timer, or milliseconds that Python sets, so that a run repeats itself exactly.
#include "py/mphal.h"
#include "py/runtime.h"
#include "clock.h"

#define MTIME_LOW (*(volatile uint32_t *)0x0200bff8)
#define MTIME_HIGH (*(volatile uint32_t *)0x0200bffc)
#define MTIME_PER_US (10)

static bool clock_is_set;
static uint64_t clock_us;

static uint64_t mtime(void) {
    uint32_t high, low;
    do {
        high = MTIME_HIGH;
        low = MTIME_LOW;
    } while (high != MTIME_HIGH);
    return (uint64_t)high << 32 | low;
}

static uint64_t now_us(void) {
    return clock_is_set ? clock_us : mtime() / MTIME_PER_US;
}

void target_set_clock_ms(mp_uint_t ms) {
    clock_is_set = true;
    clock_us = (uint64_t)ms * 1000;
}

mp_uint_t mp_hal_ticks_us(void) {
    return now_us();
}

mp_uint_t mp_hal_ticks_ms(void) {
    return now_us() / 1000;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return target_instructions();
}

uint64_t mp_hal_time_ns(void) {
    return now_us() * 1000;
}

void mp_hal_delay_us(mp_uint_t us) {
    if (clock_is_set) {
        clock_us += us;
        return;
    }
    uint64_t end = mtime() + (uint64_t)us * MTIME_PER_US;
    while (mtime() < end) {
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    if (clock_is_set) {
        clock_us += (uint64_t)ms * 1000;
        mp_handle_pending(true);
        return;
    }
    uint64_t end = mtime() + (uint64_t)ms * 1000 * MTIME_PER_US;
    while (mtime() < end) {
        mp_handle_pending(true);
    }
}
