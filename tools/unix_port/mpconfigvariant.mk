# MicroPython's unix port as near to its ESP32 port as it goes, with the charger frozen (tools/frozen.py runs this build).

PROG = micropython

# A board builds for size; here the tests' time counts. Position-independent code takes a third more of it on i386, which has no
# register to spare and no addressing by the program counter.
COPT = -O2
CFLAGS += -fno-pie
LDFLAGS += -no-pie

# What the image of a charger does not have either.
MICROPY_PY_BTREE = 0
MICROPY_PY_JNI = 0
MICROPY_PY_TERMIOS = 0
MICROPY_VFS_LFS1 = 0
MICROPY_USE_READLINE = 0

# mbedTLS is Debian's library: the source package comes without lib/mbedtls. It allocates outside of MicroPython's heap,
# as it does on the ESP32.
MICROPY_SSL_MBEDTLS = 0
CFLAGS += -DMICROPY_PY_SSL=1 -DMICROPY_SSL_MBEDTLS=1
LDFLAGS += -Wl,--wrap=mbedtls_debug_set_threshold -lmbedtls -lmbedx509 -lmbedcrypto
