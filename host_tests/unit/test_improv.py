# Improv over serial: packets, their bounds, each command, and the network on trial, on the simulated radio.
import asyncio

import flashrig
import network
from check import equal, raises, true

from charger.audit import events
from charger.credentials.vault import Vault
from charger.net import improv
from charger.net.wifi import Wifi
from charger.runtime import hold_ups
from sim import timebase

HOME = ("Home", "correct horse")


def teardown():
    network._given = None
    network.WLAN(network.AP_IF).active(False)
    network.WLAN().disconnect()
    network.net.restore()
    hold_ups.configure([], 0)
    flashrig.simflash.unmount()


def command(number, *words):
    """The data of a command."""
    text = b"".join([bytes([len(word.encode())]) + word.encode() for word in words])
    return bytes([number, len(text)]) + text


def take(receiver, data):
    """The packets in some bytes, fed byte by byte, without the Nones."""
    return [found for found in [receiver.take(byte) for byte in data] if found is not None]


def test_packets_are_those_of_the_protocol():
    """The example of its page: header, version, type, length, data, sum."""
    equal(improv.packet(1, b"\x02"), b"IMPROV\x01\x01\x01\x02" + bytes([(sum(b"IMPROV") + 1 + 1 + 1 + 2) & 0xFF]) + b"\n")
    data = command(1, "MyWirelessAP", "mysecurepassword")
    equal(data[:3], b"\x01\x1e\x0c")
    equal(improv.strings(data), ["MyWirelessAP", "mysecurepassword"])


def test_commands_are_found_between_other_bytes():
    timebase.manual()
    receiver = improv.Receiver()
    one = improv.packet(3, command(2))
    longest = improv.packet(3, command(1, "x" * 32, "y" * 63))
    equal(take(receiver, one), [command(2)])
    for noise in (b"", b"\r\n", b"IMPRO", b"IIMPROV\x02", b"12.5 I app: IMPROV\n", b"\xff\x00\x03", improv.packet(1, b"\x02")):
        equal(take(receiver, noise + one), [command(2)], str(noise))
    equal(take(receiver, one + longest + one), [command(2), command(1, "x" * 32, "y" * 63), command(2)])


def test_damaged_and_too_long_packets_are_refused_and_the_next_one_is_found():
    timebase.manual()
    receiver = improv.Receiver()
    one = improv.packet(3, command(2))
    for at in range(9, 12):  # data and sum
        equal(take(receiver, one[:at] + bytes([one[at] ^ 0x10]) + one[at + 1 : 12] + one), [b"", command(2)], str(at))
    for length in (100, 200, 255):
        equal(take(receiver, improv.packet(3, bytes(length)) + one), [b"", command(2)], str(length))
    equal(take(receiver, improv.packet(3, bytes(99))), [bytes(99)])


def test_interrupted_packet_does_not_swallow_the_next_one():
    timebase.manual()
    receiver = improv.Receiver()
    one = improv.packet(3, command(2))
    for length in range(1, len(one) - 1):
        equal(take(receiver, one[:length]), [])
        timebase.advance(1500)
        equal(take(receiver, one), [command(2)], str(length))


def test_lengths_of_strings_have_to_fit():
    for data in (b"\x01\x01\x01", b"\x01\x04\x02ab\x01", b"\x01\x02\x05a", b"\x01\x03\x02\xff\xfe"):
        raises(ValueError, improv.strings, data)
    equal(improv.strings(command(1)), [])
    equal(improv.strings(command(1, "", "")), ["", ""])


class Line:
    """A new unit with its line; say() gives a command and returns the packets that answer it, as (type, data)."""

    def __init__(self, page=443):
        timebase.manual()
        flashrig.fresh()
        network._given = "/".join(HOME)
        network.WLAN().active(True)
        network.WLAN().disconnect()
        self.wifi = Wifi(flashrig.files(), Vault(flashrig.files(), b"k" * 32), lambda: None)
        self.sent = []
        self.events = []
        self.improv = improv.Improv(self.wifi, ("Model", "Setup-1"), page, self._note, self.sent.append)

    def _note(self, event, text):
        self.events.append((event, text))

    def say(self, data, seconds=1):
        asyncio.run(self._say(data, seconds))
        found = []
        for packet in self.sent:
            equal(packet[:7], b"IMPROV\x01")
            equal((packet[8], sum(packet[:-2]) & 0xFF, packet[-1:]), (len(packet) - 11, packet[-2], b"\n"))
            found.append((packet[7], packet[9:-2]))
        self.sent.clear()
        return found

    async def _say(self, data, seconds):
        served = asyncio.create_task(self.wifi.serve())
        answered = asyncio.create_task(self.improv.answer(data))
        for _ in range(seconds * 10):
            timebase.advance(100)
            for _ in range(6):
                await asyncio.sleep_ms(0)
        served.cancel()
        true(answered.done(), "the command is answered")


CLEAR = (2, b"\x00")  # no error


def result(number, *words):
    return (4, command(number, *words))


def test_state_device_and_networks():
    line = Line()
    equal(line.say(command(2)), [CLEAR, (1, b"\x02")])
    from charger import version

    equal(line.say(command(3)), [CLEAR, result(3, "Pilotlight", version.VERSION, "Model", "Setup-1")])
    equal(line.say(command(4)), [CLEAR, result(4, "Home", "-55", "YES"), result(4, "Next door", "-69", "YES"), result(4)])


def test_networks_are_not_searched_for_while_a_contactor_is_closed_or_without_a_radio():
    class Closed:
        is_closed = True

    line = Line()
    hold_ups.configure([Closed()], 0)
    equal(line.say(command(4)), [CLEAR, (2, b"\xff")])
    hold_ups.configure([], 0)

    def no_radio():
        raise OSError("no radio")

    line.wifi.scan = no_radio
    equal(line.say(command(4)), [CLEAR, (2, b"\xff")])


def test_network_is_joined_and_the_page_named_and_then_no_other_is_taken():
    line = Line(8443)
    url = result(1, "https://127.0.0.1:8443/")
    equal(line.say(command(1, *HOME), 10), [CLEAR, (1, b"\x03"), (1, b"\x04"), url])
    equal(line.events, [(events.RECONFIGURED, "WifiName, by the serial line")])
    equal(line.say(command(2)), [CLEAR, (1, b"\x04"), result(2, "https://127.0.0.1:8443/")])
    equal(line.say(command(1, "Other", "other pass phrase")), [CLEAR, (2, b"\xff")])
    equal((line.wifi._vault.get("wifi/name"), len(line.events)), (b"Home", 1))


def test_unit_without_a_page_names_none_and_standard_port_is_left_out():
    equal(Line(None).say(command(1, *HOME), 10)[-1], result(1, ""))
    equal(Line().say(command(1, *HOME), 10)[-1], result(1, "https://127.0.0.1/"))


def test_wrong_pass_phrase_is_reported_and_the_right_one_is_taken_after_it():
    line = Line()
    equal(line.say(command(1, "Home", "wrong horse"), 40), [CLEAR, (1, b"\x03"), (1, b"\x02"), (2, b"\x03")])
    equal(line.say(command(2)), [CLEAR, (1, b"\x02")])
    equal(line.say(command(1, *HOME), 10)[-1], result(1, "https://127.0.0.1/"))


def test_what_is_no_network_or_no_command_changes_nothing():
    line = Line()
    for bad, error in ((command(1, "Home", "short"), 3), (command(1, "", "correct horse"), 3), (command(1, "x" * 33, "y" * 8), 3),
                       (command(1, "Home", ""), 3), (command(1, "Home"), 1), (command(1), 1),
                       (command(1, "a", "12345678", "c"), 1), (command(1, "Ho\nme", "correct horse"), 1),
                       (b"\x01\x03\x02\xff\xfe", 1), (command(5, "name"), 2), (command(0), 2), (command(255), 2)):
        equal(line.say(bad), [CLEAR, (2, bytes([error]))], str(bad))
    for damaged in (b"", b"\x02", b"\x02\x01", b"\x02\x00\x00"):
        equal(line.say(damaged), [(2, b"\x01")], str(damaged))
    equal((line.wifi._vault.names(), line.events), ([], []))


def test_full_flash_is_an_error():
    line = Line()

    def full(*_):
        raise OSError(28)

    line.wifi._vault.put = full
    equal(line.say(command(1, *HOME)), [CLEAR, (2, b"\xff")])
