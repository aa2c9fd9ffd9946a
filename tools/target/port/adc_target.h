// machine.ADC of the target; included by extmod/machine_adc.c, as the ESP32 port's is: the methods are the same C methods.
#include "pins_target.h"

struct _machine_adc_obj_t {
    mp_obj_base_t base;
    uint8_t pin;
};

#define MICROPY_PY_MACHINE_ADC_CLASS_CONSTANTS \
    { MP_ROM_QSTR(MP_QSTR_ATTN_0DB), MP_ROM_INT(0) }, \
    { MP_ROM_QSTR(MP_QSTR_ATTN_2_5DB), MP_ROM_INT(1) }, \
    { MP_ROM_QSTR(MP_QSTR_ATTN_6DB), MP_ROM_INT(2) }, \
    { MP_ROM_QSTR(MP_QSTR_ATTN_11DB), MP_ROM_INT(3) }, \
    { MP_ROM_QSTR(MP_QSTR_WIDTH_12BIT), MP_ROM_INT(3) },

static void mp_machine_adc_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    machine_adc_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "ADC(Pin(%u))", self->pin);
}

static mp_obj_t mp_machine_adc_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    machine_adc_obj_t *self = mp_obj_malloc(machine_adc_obj_t, type);
    self->pin = target_pin_number(args[0]);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_adc_init_helper(machine_adc_obj_t *self, size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
}

static void mp_machine_adc_atten_set(machine_adc_obj_t *self, mp_int_t atten) {
}

static void mp_machine_adc_width_set(machine_adc_obj_t *self, mp_int_t width) {
}

static mp_int_t mp_machine_adc_read_uv(machine_adc_obj_t *self) {
    target_wave_t *wave = &target_waves[self->pin];
    uint32_t uv = wave->position < wave->high_samples ? wave->high_uv : wave->low_uv;
    if (++wave->position >= wave->samples) {
        wave->position = 0;
    }
    return uv;
}

static mp_int_t mp_machine_adc_read_u16(machine_adc_obj_t *self) {
    return mp_machine_adc_read_uv(self) / 100 * 65535 / 33000;
}

static mp_int_t mp_machine_adc_read(machine_adc_obj_t *self) {
    return mp_machine_adc_read_u16(self) >> 4;
}
