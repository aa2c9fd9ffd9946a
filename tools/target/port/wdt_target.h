// machine.WDT of the target; included by extmod/machine_wdt.c. The target has no watchdog: feeding it costs a call.
struct _machine_wdt_obj_t {
    mp_obj_base_t base;
};

static machine_wdt_obj_t *mp_machine_wdt_make_new_instance(mp_int_t id, mp_int_t timeout_ms) {
    return mp_obj_malloc(machine_wdt_obj_t, &machine_wdt_type);
}

static void mp_machine_wdt_feed(machine_wdt_obj_t *self) {
}
