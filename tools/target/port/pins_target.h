// The pins of the target: a level for each output, a wave for each analogue input. counting.wave() sets the waves.
#ifndef PINS_TARGET_H
#define PINS_TARGET_H

#include "py/obj.h"

#define TARGET_PINS (128)

// What an analogue input sees: `high_uv` for the first `high_samples` of each `samples` conversions, then `low_uv`.
typedef struct _target_wave_t {
    uint32_t high_uv;
    uint32_t low_uv;
    uint16_t high_samples;
    uint16_t samples;
    uint16_t position;
} target_wave_t;

extern target_wave_t target_waves[TARGET_PINS];
extern uint8_t target_levels[TARGET_PINS];

// The number of a pin given as a Pin or as an integer; ValueError for one that does not exist.
mp_int_t target_pin_number(mp_obj_t pin);

#endif
