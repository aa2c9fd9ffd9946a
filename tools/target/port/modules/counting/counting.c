// The module `counting`: instructions of the target, its clock, and what its pins see.
//
//     counting.begin()            starts a count
//     counting.end()              instructions since begin(), the call itself included (count.py takes it off)
//     counting.clock(ms)          the clock stands at ms from now on
//     counting.level(pin, level)  an input's level
//     counting.wave(pin, high_uv, low_uv, high_samples, samples)  what an ADC converts, again and again from the start
//     counting.Disk(address, size)  a block device over memory
#include "py/obj.h"
#include "py/runtime.h"
#include "py/smallint.h"
#include "clock.h"
#include "pins_target.h"

extern const mp_obj_type_t counting_disk_type;

static uint64_t begun;

static mp_obj_t counting_begin(void) {
    begun = target_instructions();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(counting_begin_obj, counting_begin);

static mp_obj_t counting_end(void) {
    uint64_t count = target_instructions() - begun;
    // A small integer allocates nothing, so that a count may end with the heap locked.
    return count <= MP_SMALL_INT_MAX ? MP_OBJ_NEW_SMALL_INT(count) : mp_obj_new_int_from_ull(count);
}
static MP_DEFINE_CONST_FUN_OBJ_0(counting_end_obj, counting_end);

static mp_obj_t counting_clock(mp_obj_t ms) {
    target_set_clock_ms(mp_obj_get_int(ms));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(counting_clock_obj, counting_clock);

static mp_obj_t counting_level(mp_obj_t pin, mp_obj_t level) {
    target_levels[target_pin_number(pin)] = mp_obj_is_true(level);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(counting_level_obj, counting_level);

static mp_obj_t counting_wave(size_t n_args, const mp_obj_t *args) {
    target_wave_t *wave = &target_waves[target_pin_number(args[0])];
    wave->high_uv = mp_obj_get_int(args[1]);
    wave->low_uv = mp_obj_get_int(args[2]);
    wave->high_samples = mp_obj_get_int(args[3]);
    wave->samples = mp_obj_get_int(args[4]);
    wave->position = 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(counting_wave_obj, 5, 5, counting_wave);

static const mp_rom_map_elem_t counting_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_counting) },
    { MP_ROM_QSTR(MP_QSTR_begin), MP_ROM_PTR(&counting_begin_obj) },
    { MP_ROM_QSTR(MP_QSTR_end), MP_ROM_PTR(&counting_end_obj) },
    { MP_ROM_QSTR(MP_QSTR_clock), MP_ROM_PTR(&counting_clock_obj) },
    { MP_ROM_QSTR(MP_QSTR_level), MP_ROM_PTR(&counting_level_obj) },
    { MP_ROM_QSTR(MP_QSTR_wave), MP_ROM_PTR(&counting_wave_obj) },
    { MP_ROM_QSTR(MP_QSTR_Disk), MP_ROM_PTR(&counting_disk_type) },
};
static MP_DEFINE_CONST_DICT(counting_globals, counting_globals_table);

const mp_obj_module_t counting_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&counting_globals,
};

MP_REGISTER_MODULE(MP_QSTR_counting, counting_module);
