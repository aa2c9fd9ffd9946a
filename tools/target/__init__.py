"""The bare-metal target: MicroPython's qemu port for 32-bit RISC-V, with our configuration, and what runs on it."""
