// Heap and stack of the target, chosen at each start: the emulator writes the size of the heap into a word of memory.
// The linker sends the port's calls of gc_init() and mp_stack_set_limit() here (mpconfigboard.mk).
#include "py/gc.h"
#include "py/mpconfig.h"

// Where things lie in the 128 MiB of the machine (machine.py has the same): image 0x84000000, heap size, RAM disk, heap.
#define HEAP_SIZE (*(volatile uint32_t *)0x84fffff0)
#define HEAP_START (0x86000000)
#define HEAP_DEFAULT (256 * 1024)

// Of the 64 KiB that virt.ld reserves; frames of RV32 and of the Xtensa differ, so the ESP32's 15 KiB say nothing here.
#define STACK_LIMIT (56 * 1024)

void __real_gc_init(void *start, void *end);
void __real_mp_stack_set_limit(mp_uint_t limit);

void __wrap_gc_init(void *start, void *end) {
    uint32_t size = HEAP_SIZE ? HEAP_SIZE : HEAP_DEFAULT;
    __real_gc_init((void *)HEAP_START, (char *)HEAP_START + size);
}

void __wrap_mp_stack_set_limit(mp_uint_t limit) {
    __real_mp_stack_set_limit(STACK_LIMIT);
}
