// os.urandom() and the environment of the target; included by extmod/modos.c.
#include <stdlib.h>
#include <string.h>

// A pseudo-random sequence that is the same after each start. The target keeps no secrets.
static uint32_t urandom_state = 12345;

static mp_obj_t mp_os_urandom(mp_obj_t count_in) {
    vstr_t bytes;
    vstr_init_len(&bytes, mp_obj_get_int(count_in));
    for (size_t i = 0; i < bytes.len; i++) {
        urandom_state = urandom_state * 1664525 + 1013904223;
        bytes.buf[i] = urandom_state >> 24;
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);

// One variable is enough for the tests: the folder that they may write to.
static char environment_name[32];
static char environment_value[64];

static mp_obj_t mp_os_getenv(size_t n_args, const mp_obj_t *args) {
    if (environment_name[0] == 0 || strcmp(mp_obj_str_get_str(args[0]), environment_name) != 0) {
        return n_args == 2 ? args[1] : mp_const_none;
    }
    return mp_obj_new_str(environment_value, strlen(environment_value));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_os_getenv_obj, 1, 2, mp_os_getenv);

static mp_obj_t mp_os_putenv(mp_obj_t name_in, mp_obj_t value_in) {
    size_t name_len, value_len;
    const char *name = mp_obj_str_get_data(name_in, &name_len);
    const char *value = mp_obj_str_get_data(value_in, &value_len);
    if (name_len >= sizeof(environment_name) || value_len >= sizeof(environment_value)) {
        mp_raise_ValueError(MP_ERROR_TEXT("too long"));
    }
    memcpy(environment_name, name, name_len + 1);
    memcpy(environment_value, value, value_len + 1);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(mp_os_putenv_obj, mp_os_putenv);

static mp_obj_t mp_os_unsetenv(mp_obj_t name_in) {
    if (strcmp(mp_obj_str_get_str(name_in), environment_name) == 0) {
        environment_name[0] = 0;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_unsetenv_obj, mp_os_unsetenv);
