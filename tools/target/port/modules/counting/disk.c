// counting.Disk(address, size): memory as a block device in C, as the ESP32 port's Partition is: the file system's own cost.
#include <string.h>

#include "extmod/vfs.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define BLOCK (4096)

typedef struct _disk_obj_t {
    mp_obj_base_t base;
    uint8_t *memory;
    mp_uint_t blocks;
} disk_obj_t;

static mp_obj_t disk_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    disk_obj_t *self = mp_obj_malloc(disk_obj_t, type);
    self->memory = (uint8_t *)(uintptr_t)mp_obj_get_int_truncated(args[0]);
    self->blocks = mp_obj_get_int(args[1]) / BLOCK;
    return MP_OBJ_FROM_PTR(self);
}

static uint8_t *place(disk_obj_t *self, size_t n_args, const mp_obj_t *args, size_t length) {
    mp_uint_t start = mp_obj_get_int(args[1]) * BLOCK + (n_args > 3 ? mp_obj_get_int(args[3]) : 0);
    if (start + length > self->blocks * BLOCK) {
        mp_raise_OSError(MP_EINVAL);
    }
    return self->memory + start;
}

static mp_obj_t disk_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    memcpy(buffer.buf, place(MP_OBJ_TO_PTR(args[0]), n_args, args, buffer.len), buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(disk_readblocks_obj, 3, 4, disk_readblocks);

static mp_obj_t disk_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    memcpy(place(MP_OBJ_TO_PTR(args[0]), n_args, args, buffer.len), buffer.buf, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(disk_writeblocks_obj, 3, 4, disk_writeblocks);

static mp_obj_t disk_ioctl(mp_obj_t self_in, mp_obj_t op_in, mp_obj_t arg_in) {
    disk_obj_t *self = MP_OBJ_TO_PTR(self_in);
    switch (mp_obj_get_int(op_in)) {
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(self->blocks);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK);
        default:  // an erase included: littlefs does not look at erased bytes
            return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(disk_ioctl_obj, disk_ioctl);

static const mp_rom_map_elem_t disk_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&disk_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&disk_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&disk_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(disk_locals, disk_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    counting_disk_type,
    MP_QSTR_Disk,
    MP_TYPE_FLAG_NONE,
    make_new, disk_make_new,
    locals_dict, &disk_locals
    );
