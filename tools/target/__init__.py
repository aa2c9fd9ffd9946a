"""The bare-metal target: MicroPython's qemu port for 32-bit RISC-V, its configuration, and the code that runs on it."""
