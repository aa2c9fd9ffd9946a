"""The shims take what the chip takes, and refuse what it would refuse."""

import asyncio
import sys

from check import equal, raises, true

from sim import launch, loop_wait, net, timebase, world


async def rest(ms):
    await asyncio.sleep_ms(ms)


def setup():
    timebase.manual()
    launch.config["connectors"] = 1
    launch.config["set"] = {}
    sys.modules.pop("board", None)
    world.fresh()


def teardown():
    net.restore()
    timebase.set_scale(1)


def test_pins_by_number_and_their_levels():
    import machine

    pin = machine.Pin(60, machine.Pin.OUT, value=1)
    equal((pin.value(), pin()), (1, 1))
    pin.off()
    equal(machine.Pin(60).value(), 0)
    inverted = machine.Signal(pin, invert=True)
    inverted.on()
    equal((pin.value(), inverted.value()), (0, 1))
    raises(ValueError, machine.Pin, 500)
    raises(ValueError, machine.Pin, "A1")


def test_an_input_that_something_drives_stays_driven():
    import board
    import machine

    tamper = machine.Pin(board.SHARED["tamper"], machine.Pin.OUT, value=1)
    equal(tamper.value(), 0)


def test_interrupts_come_when_the_loop_waits():
    import board
    import machine

    seen = []
    tamper = machine.Pin(board.SHARED["tamper"], machine.Pin.IN)
    tamper.irq(lambda pin: seen.append(pin.value()), machine.Pin.IRQ_RISING)
    raises(ValueError, tamper.irq, print, 1, None, True)
    for on in (True, False, True):
        world.current().set_fault("tamper", 0, on)
        asyncio.run(rest(10))
    tamper.irq(None)
    equal(seen, [1, 1])


def test_pwm_has_its_ranges():
    import board
    import machine

    pilot = board.OUTLETS[0]["pilot"]["pwm"]
    pwm = machine.PWM(machine.Pin(pilot), freq=1000, duty_u16=34952)
    outlet = world.current().outlets[0]
    equal((outlet.duty_u16, pwm.duty_u16(), pwm.freq()), (34952, 34952, 1000))
    raises(ValueError, pwm.duty_u16, 65536)
    raises(ValueError, pwm.freq, 0)
    pwm.duty_ns(100000)
    equal(outlet.duty_u16, 6553)
    pwm.deinit()
    equal(outlet.duty_u16, 0)


def test_a_pilot_at_the_wrong_frequency_is_no_pilot():
    import board
    import machine

    machine.PWM(machine.Pin(board.OUTLETS[0]["pilot"]["pwm"]), freq=5000, duty_u16=34952)
    equal(world.current().outlets[0].duty_u16, 0)


def test_an_adc_needs_a_pin_that_has_one_and_the_right_range():
    import board
    import machine

    raises(ValueError, machine.ADC, machine.Pin(board.OUTLETS[0]["contactor"]["out"]))
    adc = machine.ADC(machine.Pin(board.OUTLETS[0]["ntc"]["adc"]))
    equal(adc.read_uv(), 950000)
    adc.atten(machine.ADC.ATTN_11DB)
    true(1600000 < adc.read_uv() < 1700000)
    true(32000 < adc.read_u16() < 33500)


def test_other_bus_address_gets_no_answer():
    import machine

    timebase.advance(200)
    bus = machine.I2C(1)
    equal(bus.scan(), [0x38])
    raises(OSError, bus.readfrom_mem, 0x39, 0x31C, 4, addrsize=16)
    equal(len(bus.readfrom_mem(0x38, 0x31C, 4, addrsize=16)), 4)
    world.current().set_fault("PowerMeterFailure", 1, True)
    raises(OSError, bus.readfrom_mem, 0x38, 0x31C, 4, addrsize=16)
    equal(machine.I2C(9).scan(), [])


def test_a_uart_works_as_a_stream():
    import machine

    async def read():
        stream = asyncio.StreamReader(machine.UART(1, baudrate=9600))
        world.current().outlets[0].reader.swipe("ABC")
        return await stream.readexactly(3)

    timebase.set_scale(20)
    equal(asyncio.run(read()), b"\x02AB")


def test_the_clock_takes_and_gives_calendar_time():
    import machine

    clock = machine.RTC()
    clock.datetime((2027, 2, 28, 0, 23, 59, 59, 500000))
    timebase.advance(600)
    equal(clock.datetime(), (2027, 3, 1, 0, 0, 0, 0, 100000))
    clock.memory(b"abc")
    equal(clock.memory(), b"abc")


def test_a_hungry_watchdog_restarts_the_chip():
    import machine

    from sim import link

    bites = []
    original, link.restart = link.restart, bites.append
    dog = machine.WDT(timeout=8000)
    true(machine.WDT(timeout=2000) is dog, "two watchdogs")
    try:
        for _ in range(5):
            asyncio.run(rest(1500))
            dog.feed()
        equal(bites, [])
        asyncio.run(rest(2001))
        asyncio.run(rest(1))
        equal(bites[0], machine.WDT_RESET)
        dog.feed()
        bites.clear()
        timebase.hold_up(2001)
        dog.feed()  # before anything has waited: too late all the same
        equal(bites, [machine.WDT_RESET])
    finally:
        link.restart = original
        loop_wait.remove_hook(machine._watch)
        machine.WDT._only = None
        from sim import libc

        libc.alarm(0)


def test_the_uplink_can_be_cut():
    """Outgoing connections end at once and new ones fail; what came in from outside stays."""
    import socket

    async def story():
        served = []

        async def serve(reader, writer):
            served.append(writer)
            while data := await reader.read(10):
                writer.write(data)
                await writer.drain()

        timebase.set_scale(1)
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = _port(server)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await writer.drain()
        equal(await reader.readexactly(1), b"x")
        net.cut()
        equal(await asyncio.wait_for(reader.read(1), 1), b"")
        raises(OSError, socket.socket().connect, socket.getaddrinfo("127.0.0.1", port)[0][-1])
        raises(OSError, socket.getaddrinfo, "example.org", 80)
        second = await asyncio.start_server(serve, "127.0.0.1", 0)
        second.close()
        net.restore()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"y")
        await writer.drain()
        equal(await reader.readexactly(1), b"y")
        server.close()

    asyncio.new_event_loop()
    asyncio.run(story())


def _port(server):
    from sim import libc

    for fd in range(3, 64):
        if libc.is_listener(fd):
            return libc.port_of(fd)
    raise AssertionError("nobody listens")


def test_station_and_its_name_server():
    import network

    wlan = network.WLAN()
    true(wlan.isconnected())
    true(wlan.ifconfig()[3] != "0.0.0.0")
    wlan.disconnect()
    equal(wlan.isconnected(), False)
    wlan.connect("Simulated", "12345678")
    equal(wlan.isconnected(), False)
    timebase.advance(300)
    true(wlan.isconnected())
    wlan.connect("Simulated", "short")
    equal(wlan.status(), network.STAT_WRONG_PASSWORD)
    wlan.active(False)
    raises(OSError, wlan.connect, "Simulated", "12345678")
    wlan.active(True)
    wlan.connect("Simulated", "12345678")


def test_non_volatile_storage():
    import esp32

    storage = esp32.NVS("test")
    raises(OSError, storage.get_i32, "missing")
    storage.set_i32("n", -5)
    storage.set_blob("b", b"\x00\xff")
    storage.commit()
    buffer = bytearray(4)
    equal((storage.get_i32("n"), storage.get_blob("b", buffer), bytes(buffer[:2])), (-5, 2, b"\x00\xff"))
    raises(OSError, storage.get_blob, "b", bytearray(1))
    storage.erase_key("n")
    raises(OSError, storage.erase_key, "n")
