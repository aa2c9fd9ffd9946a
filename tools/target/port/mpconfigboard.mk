# The bare-metal target as a board of MicroPython's qemu port: RV32, the instruction set of the ESP32-C3 and C6.
QEMU_ARCH = riscv32
QEMU_MACHINE = virt
LDSCRIPT = mcu/rv32/virt.ld
SRC_BOARD_O += shared/runtime/gchelper_native.o shared/runtime/gchelper_rv32i.o
SRC_C += shared/timeutils/timeutils.c

# Instruction counts are for an image as the board's: optimised as sdkconfig says.
COPT = -Os -DNDEBUG
CFLAGS += -DQEMU_SOC_VIRT -DMICROPY_HW_MCU_NAME='"rv32imac"'
CFLAGS += -I$(BOARD_DIR) -DMP_CONFIGFILE='"mpconfigtarget.h"'

MICROPY_VFS_LFS2 = 1

# The port fixes heap and stack when it is compiled; here they are chosen at each start (modules/counting/memory.c).
LDFLAGS += -Wl,--wrap=gc_init -Wl,--wrap=mp_stack_set_limit
