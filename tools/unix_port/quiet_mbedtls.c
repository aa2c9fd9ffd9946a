// Debian's mbedTLS is built with debug output, of which extmod/modtls_mbedtls.c switches on level 3 for each context.
// The linker puts this in its place (--wrap), so that the level stays 0.

void __wrap_mbedtls_debug_set_threshold(int threshold);

void __wrap_mbedtls_debug_set_threshold(int threshold) {
    (void)threshold;
}
