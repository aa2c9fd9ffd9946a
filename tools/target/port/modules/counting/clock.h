// Time and instructions of the target.
#ifndef CLOCK_H
#define CLOCK_H

#include "py/mpconfig.h"

// From now on the clock shows these milliseconds and moves only by sleeping or by setting it again.
void target_set_clock_ms(mp_uint_t ms);

// Instructions retired since the start. They count one each under qemu's `-icount shift=0`.
static inline uint64_t target_instructions(void) {
    uint32_t high, low, again;
    do {
        __asm volatile ("csrr %0, minstreth" : "=r" (high));
        __asm volatile ("csrr %0, minstret" : "=r" (low));
        __asm volatile ("csrr %0, minstreth" : "=r" (again));
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

#endif
