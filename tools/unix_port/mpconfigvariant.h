// MicroPython's unix port as near to its ESP32 port as it goes: what decides how much heap the same Python code takes.
// ports/esp32/mpconfigport.h is the model; ports/unix/variants/standard is what the rest follows.
//
// Left as the unix port has them: floats in double precision (the simulated board's models of cars and meters need them;
// a float takes one block of 16 bytes of the heap in either precision), threads without a GIL (the port has none, and the
// firmware starts no thread), paths of PATH_MAX, and the modules ffi, machine and os that the shims of boards/SIM work with.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// As the ESP32 port: object representation A, big integers, collection of several areas, texts of errors.
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_GC_SPLIT_HEAP (1)
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_SCHEDULER_DEPTH (8)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (256)
#define MICROPY_OPT_COMPUTED_GOTO (1)
#define MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE (1024) // as boards/common/mpconfigboard_common.h
#define MICROPY_MODULE_FROZEN_DEFINITIONS (1) // as well
#define MICROPY_QSTR_BYTES_IN_HASH (1) // as well
#define MICROPY_WARNINGS (1)
#define MICROPY_PY_ALL_INPLACE_SPECIAL_METHODS (1)
#define MICROPY_PY_IO_BUFFEREDWRITER (1)
#define MICROPY_PY_HASHLIB_MD5 (1)
#define MICROPY_PY_HASHLIB_SHA1 (1)
#define MICROPY_PY_HASHLIB_SHA256 (1)
#define MICROPY_PY_CRYPTOLIB (1)
#define MICROPY_PY_WEBSOCKET (1)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_STREAMS_POSIX_API (1)
#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC (mp_random_seed_init())

// As the ESP32 port: nothing emits x86 code.
#define MICROPY_EMIT_X86 (0)

// The simulated board: ROMFS images as the container of updates, models in double precision, the unix port's own os.
#define MICROPY_VFS_ROM (1)
#define MICROPY_VFS_ROM_IOCTL (0)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)
#define MICROPY_FLOAT_USE_NATIVE_FLT16 (0)
#define MICROPY_PY_OS_INCLUDEFILE "ports/unix/modos.c"
#define MICROPY_PY_OS_ERRNO (1)
#define MICROPY_PY_OS_GETENV_PUTENV_UNSETENV (1)
#define MICROPY_PY_OS_SYSTEM (1)
#define MICROPY_PY_TIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_TIME_CUSTOM_SLEEP (1)
#define MICROPY_PY_TIME_INCLUDEFILE "ports/unix/modtime.c"
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS (1)
#define MICROPY_PY_SELECT_SELECT (0)
#define MICROPY_PY_SYS_ATEXIT (1)
#define MICROPY_PY_MACHINE (1)
#define MICROPY_ASYNC_KBD_INTR (1)
#define MICROPY_MALLOC_USES_ALLOCATED_SIZE (1)
#define MICROPY_MEM_STATS (1)
#define MICROPY_DEBUG_PRINTERS (1)
#define MICROPY_PY_GC_COLLECT_RETVAL (1)
