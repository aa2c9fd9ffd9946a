"""The keys in the non-volatile storage: what was written is there after a restart of the chip (SEC-10)."""

import esp32
import nvs_rig
from check import equal, raises, true
from nvs_rig import teardown  # noqa: F401 - called after each test

from charger.drivers.keystore import KeyStore

KEY, NEXT = b"k" * 32, b"n" * 32


def setup():
    nvs_rig.empty()


def restarted():
    """The store after a restart, which loses what was not committed."""
    esp32.restart()
    return KeyStore()


def test_a_new_unit_has_no_key_is_not_provisioned_and_counts_nothing():
    store = restarted()
    equal((store.available, store.key(), store.next_key(), store.has_log_key()), (True, None, None, False))
    equal((store.provisioned(), store.renewing(), store.known("x")), (False, False, False))


def test_a_change_of_keys_is_on_flash_after_each_of_its_two_steps():
    restarted().end_change()
    equal(restarted().key(), None, "there is none to end")
    restarted().begin_change(KEY)
    equal((restarted().key(), restarted().next_key()), (None, KEY))
    restarted().end_change()
    equal((restarted().key(), restarted().next_key()), (KEY, None))
    restarted().begin_change(NEXT)
    equal((restarted().key(), restarted().next_key()), (KEY, NEXT))
    restarted().end_change()
    equal((restarted().key(), restarted().next_key()), (NEXT, None))


def test_a_key_of_another_length_is_none():
    storage = esp32.NVS("pilotlight")
    storage.set_blob("device_key", b"short")
    storage.commit()
    equal(restarted().key(), None)


def test_the_logs_key_is_made_once_with_the_number_of_its_first_entry():
    key, number = restarted().log_key(7)
    equal((len(key), number), (32, 7))
    true(key != bytes(32))
    equal(restarted().log_key(9), (key, 7))
    equal(restarted().has_log_key(), True)


def test_credentials_are_complete_from_the_seal_on_and_not_while_all_of_them_are_replaced():
    restarted().unseal(False)
    equal((restarted().provisioned(), restarted().renewing()), (False, False))
    restarted().seal("SN-1")
    equal((restarted().provisioned(), restarted().renewing()), (True, False))
    serial = bytearray(4)
    equal((esp32.NVS("pilotlight").get_blob("serial", serial), bytes(serial)), (4, b"SN-1"))
    restarted().unseal(False)
    equal(restarted().provisioned(), True)
    restarted().unseal(True)
    equal((restarted().provisioned(), restarted().renewing()), (False, True))
    restarted().seal("SN-1")
    equal((restarted().provisioned(), restarted().renewing()), (True, False))


def test_counts_go_up_over_restarts_and_are_taken_once():
    for _ in range(3):
        restarted().add_count("mount_failed")
    equal(restarted().known("mount_failed"), True)
    equal((restarted().take_count("mount_failed"), restarted().take_count("mount_failed")), (3, 0))
    equal(restarted().known("mount_failed"), False)


def test_a_storage_that_fails_stops_no_start_but_a_change_of_keys():
    class Failing:
        def __getattr__(self, name):
            def fail(*_):
                raise OSError(-0x1102)
            return fail

    store = KeyStore()
    store._nvs = Failing()
    store.add_count("mount_failed")
    equal((store.take_count("mount_failed"), store.log_key(3)), (0, (b"", 0)))
    equal((store.provisioned(), store.renewing()), (False, False))
    raises(OSError, store.begin_change, KEY)
    raises(OSError, store.seal, "SN-1")
