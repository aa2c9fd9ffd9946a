"""Classification of the codes that the ESP32 port raises for flash, NVS, mbedTLS, lwIP and Wi-Fi."""

import flashrig
from check import equal, raises, true

from charger import os_errors
from charger.audit import connection_events, events
from charger.net import tls
from charger.store.ab_record import ABRecord
from sim import flash as simflash


def teardown():
    simflash.unmount()


def test_esp_codes_of_a_failing_flash_are_flash_failures():
    for code in (-0x6001, -0x6002, -0x6003, -0x104, -0x103, -0x102, 1, 5):
        true(os_errors.is_flash_failure(OSError(code)), str(code))


def test_absent_full_network_and_text_errors_are_no_flash_failures():
    for code in (2, 28, 17, 12, 104, 110, 116, -0x1102, -0x7280, -0x7780, -0x6E00, -0x6180, -0x6080, "not provisioned"):
        equal(os_errors.is_flash_failure(OSError(code)), False, str(code))
    equal(os_errors.is_flash_failure(OSError()), False)


def test_codes_of_failed_allocations_are_out_of_memory():
    # plain codes, and those to which a lower layer has added MPI_ALLOC_FAILED (0x10) or ASN1_ALLOC_FAILED (0x6A)
    for code in (12, 16, 105, -0x4D80, -0x3F80, -0x2880, -0x7F00, -0x1180, -0x4290, -0x4D90, -0x226A):
        true(os_errors.is_out_of_memory(OSError(code)), str(code))
    for error in (MemoryError(), RuntimeError("Wifi Unknown Error 0x0101"), RuntimeError("Wifi Out of Memory")):
        true(os_errors.is_out_of_memory(error), str(error))


def test_other_codes_are_not_out_of_memory():
    for code in (1, 2, 5, 28, 104, 110, -0x7280, -0x4E00, -0x4380, -0x2700, -0x7780, -0x6001, "Wifi Not Started"):
        equal(os_errors.is_out_of_memory(OSError(code)), False, str(code))
    for error in (ValueError("memory"), RuntimeError("Wifi Unknown Error 0x3001"), RuntimeError("out of memory"), OSError()):
        equal(os_errors.is_out_of_memory(error), False, str(error))


def test_mbedtls_without_memory_is_never_reported_as_a_fault_of_the_server():
    for code in (12, 16, -0x4D80, -0x3F80, -0x2880):
        for fault in (tls.tls_fault(OSError(code)), tls.late_fault(OSError(code))):
            equal(fault.cause, "memory")
            equal(connection_events.event_of(fault.cause), events.MEMORY_EXHAUSTION)
    equal(tls._connect_fault(OSError(12)).cause, "memory")
    equal(tls.tls_fault(OSError(-0x4E00)).cause, "proof")
    equal(tls.tls_fault(OSError(-0x4380)).cause, "proof")


def test_failing_flash_is_raised_by_files_and_slots_and_never_read_as_absent():
    device = flashrig.fresh()
    files = flashrig.files()
    files.write("a", b"content")
    slots = ABRecord(files, "value")
    slots.write(b"1")
    device.power.on = False
    for call in ((files.read, "a"), (files.exists, "a"), (files.write, "a", b"content"), (ABRecord, files, "value")):
        try:
            call[0](*call[1:])
            equal("raised", "not raised: " + str(call))
        except OSError as error:
            equal(error.errno, simflash.FLASH_OP_FAIL)
            true(os_errors.is_flash_failure(error))
    raises(OSError, list, files.lines("a"))
