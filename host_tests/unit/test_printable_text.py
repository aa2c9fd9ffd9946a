"""String settings take printable text only, and a damaged record of our own files is skipped (F-S8)."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down

import check
from check import equal, raises, true

from charger import log
from charger.commands import owner_settings
from charger.config.configuration import Configuration
from charger.config.keys import KEYS
from charger.errors import CommandError
from charger.ocpp.v16.services.authorisation_cache import AuthorisationCache
from charger.ocpp.v16.services.local_list import LocalList
from charger.store.files import Files

GOOD = {"status": "Accepted"}


def test_f_s8_no_string_setting_takes_control_characters():
    config = Configuration(Files(check.folder()))
    tried = 0
    for name, row in KEYS.items():
        if row[0] == "s" and "W" in row[1]:
            for bad in ("AAAA\nBBBB", "AAAA\tBBBBCCCCDDDDEE", "\x00" * 16, "AAAA\x7fBBBBCCCCDDDD"):
                tried += 1
                equal(config.change(name, bad), "Rejected", "%s %r" % (name, bad))
                equal(config.normalise(name, bad), None, "%s %r" % (name, bad))
    equal(tried >= 12, True)


def test_f_s8_a_value_with_a_line_break_that_earlier_firmware_took_is_ignored():
    files = Files(check.folder())
    files.write_json("ocpp_config.json", {"FreeVendIdTag": "AAAA\nBBBB", "HeartbeatInterval": "77"})
    config = Configuration(files)
    equal((config.get_str("FreeVendIdTag"), config.get_int("HeartbeatInterval")), ("FreeVend", 77))


def test_f_s8_damaged_records_of_the_cache_are_skipped_and_the_next_card_is_learned():
    for bad in (b"aaaa", b"aaaa\t", b"aaaa\tAccepted", b"aaaa\tAccepted\t\tsoon", b"\xff\xfe\tAccepted\t\t", b""):
        files = Files(check.folder())
        files.write("ocpp_cache", b"\ngood1\tAccepted\t\t\n" + bad + b"\nbbbb\tAccepted\t\t")
        cache = AuthorisationCache(files)
        equal(cache.find("AAAA"), None, bad)
        for number in range(120):
            cache.learn("CARD%d" % number, GOOD)
        equal(cache.find("CARD119"), ("Accepted", None), bad)


def test_f_s8_damaged_records_of_the_local_list_are_skipped():
    for bad in (b"aaaa\t", b"aaaa\tAccepted", b"aaaa\tAccepted\t\tsoon"):
        files = Files(check.folder())
        files.write("ocpp_local_list", b"3\n" + bad + b"\nbbbb\tAccepted\t\t")
        listed = LocalList(Configuration(files), files)
        equal((listed.find("AAAA"), listed.find("BBBB")), (None, ("Accepted", None)), bad)


def test_f_s8_words_of_others_make_no_line_of_the_log_and_no_command_of_a_terminal():
    """The reason of a close frame, what an error says: in one line, printed and kept, with all letters."""
    printed = []
    log.print = printed.append
    try:
        log.info("link", "1000 bye\n1.000 I security: PinChanged\r\x1b[2J\x9b2J\x7f\x85\0Ä€😀")
    finally:
        del log.print
    [line] = printed
    true(line.endswith("1000 bye 1.000 I security: PinChanged  [2J 2J   Ä€😀"), repr(line))
    equal(log.recent()[-1], line)


def test_addresses_that_can_never_be_used_are_refused():
    """They would hold from the next start on, and nothing would connect."""
    for name, scheme in (("BackEndUrl", "wss"), ("MqttUrl", "mqtts")):
        for rest in ("", "/x", "h:0", "h:99999", "h:x", "h\u00e9/", "h h/", "u:p@h", "h/?q", "h/#f", "[::1", "h/a b"):
            raises(CommandError, owner_settings._secret_form, name, "%s://%s" % (scheme, rest), None, False)
        for rest in ("h", "h:8883/a/b", "[::1]:443/x", "192.0.2.1"):
            url = "%s://%s" % (scheme, rest)
            equal(owner_settings._secret_form(name, url, None, False), url.encode())
    raises(CommandError, owner_settings._secret_form, "BackEndUrl", "wss://user@h/", None, False)
    raises(CommandError, owner_settings._secret_form, "MqttUrl", "mqtts://h/+", None, False)
    for name, value in (("BackEndUrl", "wss://h/a+b"), ("MqttUrl", "mqtts://user@h/"), ("BackEndUrl", ""), ("MqttUrl", "")):
        equal(owner_settings._secret_form(name, value, None, False), value.encode())
