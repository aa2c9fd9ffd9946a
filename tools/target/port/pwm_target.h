// machine.PWM of the target; included by extmod/machine_pwm.c. It remembers what it was set to.
#include "pins_target.h"

struct _machine_pwm_obj_t {
    mp_obj_base_t base;
    uint8_t pin;
    mp_int_t freq;
    mp_int_t duty_u16;
};

static void mp_machine_pwm_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    machine_pwm_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "PWM(Pin(%u), freq=%d, duty_u16=%d)", self->pin, (int)self->freq, (int)self->duty_u16);
}

static void mp_machine_pwm_init_helper(machine_pwm_obj_t *self, size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { ARG_freq, ARG_duty_u16 };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_freq, MP_ARG_INT, {.u_int = 5000} },
        { MP_QSTR_duty_u16, MP_ARG_INT, {.u_int = 32768} },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, values);
    self->freq = values[ARG_freq].u_int;
    self->duty_u16 = values[ARG_duty_u16].u_int;
}

static mp_obj_t mp_machine_pwm_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, true);
    machine_pwm_obj_t *self = mp_obj_malloc(machine_pwm_obj_t, type);
    self->pin = target_pin_number(args[0]);
    mp_map_t kw_args;
    mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
    mp_machine_pwm_init_helper(self, n_args - 1, args + 1, &kw_args);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_pwm_deinit(machine_pwm_obj_t *self) {
    self->duty_u16 = 0;
}

static mp_obj_t mp_machine_pwm_freq_get(machine_pwm_obj_t *self) {
    return MP_OBJ_NEW_SMALL_INT(self->freq);
}

static void mp_machine_pwm_freq_set(machine_pwm_obj_t *self, mp_int_t freq) {
    self->freq = freq;
}

static mp_obj_t mp_machine_pwm_duty_get_u16(machine_pwm_obj_t *self) {
    return MP_OBJ_NEW_SMALL_INT(self->duty_u16);
}

static void mp_machine_pwm_duty_set_u16(machine_pwm_obj_t *self, mp_int_t duty_u16) {
    if (duty_u16 < 0 || duty_u16 > 65535) {
        mp_raise_ValueError(MP_ERROR_TEXT("duty out of range"));
    }
    self->duty_u16 = duty_u16;
}

static mp_obj_t mp_machine_pwm_duty_get_ns(machine_pwm_obj_t *self) {
    return mp_obj_new_int_from_ull((uint64_t)self->duty_u16 * 1000000000 / self->freq / 65535);
}

static void mp_machine_pwm_duty_set_ns(machine_pwm_obj_t *self, mp_int_t duty_ns) {
    mp_machine_pwm_duty_set_u16(self, (uint64_t)duty_ns * self->freq * 65535 / 1000000000);
}
