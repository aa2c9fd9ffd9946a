"""Builds what the unit is reached by, for wiring.py: Wi-Fi or Ethernet, PINs, the local API, MQTT and syslog clients."""

import asyncio

import board
import machine

from charger import log
from charger.drivers import console
from charger.net import wifi
from charger.net.wifi import Wifi, station


def _start_ethernet(supervisor: Supervisor) -> type | None:
    """Start Ethernet and return EthernetOrWifi; None on a board without, or when its chip does not answer."""
    options = getattr(board, "LAN", None)
    if options is None:
        return None
    from charger.drivers import buses  # memory.unload() unloads it after the start
    from charger.net import ethernet  # 1,900 frozen bytes, for boards with Ethernet

    supervisor.feed()  # 4 s without a cable
    try:
        lan = ethernet.start(options, machine.Pin, buses.ethernet_spi)
    except (OSError, ValueError, AttributeError) as error:  # AttributeError: the image is built without
        log.error("ethernet", "does not start: " + log.reason(error))
        return None
    wifi.replace_station(ethernet.Station(lan, station()))
    return ethernet.EthernetOrWifi


def make_wifi(app: Application) -> tuple:
    """Create (station, Wifi or, on a board with Ethernet, EthernetOrWifi).

    The button opens the setup network; held from power-on it does a factory reset.
    """
    make = _start_ethernet(app.supervisor) or Wifi
    number = board.SHARED.get("button")
    portal = None
    if board.WEB and board.SETUP_PORTS:
        portal = board.SETUP_PORTS["dns"], board.SETUP_PORTS["http"], int(board.WEB.rpartition(":")[2])
    line = (board.DEVICE["model"], app.security_log.add) if console.has_line() else None
    if number is None:
        return station(), make(app.files, app.vault, app.network_up, None, app.off_network, portal, line)
    button = machine.Pin(number, machine.Pin.IN)
    if not button.value() and machine.reset_cause() == machine.PWRON_RESET:
        from charger.maintenance import erase  # with store/wipe.py: 3,500 frozen bytes, 1 KiB of heap, for an erasure

        watching = erase.factory_reset_when_held(app.files, app.connectors, app.restart, button)
        asyncio.create_task(watching)  # noqa: RUF006 - MicroPython's scheduler holds its tasks
    return station(), make(app.files, app.vault, app.network_up, button.value, app.off_network, portal, line)


def make_pins(app: Application) -> Pins | None:
    """Create the Pins if the unit has the local API or an MQTT broker, else None."""
    if not (board.WEB or _broker_settings(app.vault)):
        return None
    from charger.access.pin import Pins  # 4,900 frozen bytes, 2.4 KiB of heap, for units with one of both

    return Pins(app.files, app.vault, app.security_log.add, board.DEVICE["serial"], app.provisioned)


def make_listener(app: Application) -> LocalApiListener | None:
    """Create the local API's listener if the board has one and the unit has a certificate, else None (SEC-12)."""
    if not board.WEB:
        return None
    if not app.provisioned or app.vault.broken:
        log.warn("app", "no local API: this unit has no certificate")
        return None
    from charger.local_api.listener import LocalApiListener  # 1,900 frozen bytes with admission.py, for units with the local API

    return LocalApiListener(board.WEB, app.serve_local_api, app.updates, app.memory)


def _broker_settings(vault: Vault) -> dict | None:
    """Return the broker's settings, None without a broker; values of None are in the vault, set by the owner."""
    if board.MQTT:
        return board.MQTT
    return {"url": None, "password": None, "ca": None} if "mqtt/url" in vault.names() else None


def make_mqtt_client(app: Application) -> MqttClient | None:
    """Create the MqttClient if a broker is set, else None."""
    settings = _broker_settings(app.vault)
    if settings is None:
        return None
    # with net/mqtt_session.py: 11,000 frozen bytes, 4.5 KiB of heap, for units with a broker
    from charger.mqtt_client.client import MqttClient

    client = MqttClient(app, settings, board.DEVICE["serial"])
    app.memory.add(client)
    return client


def make_syslog_client(app: Application) -> SyslogClient | None:
    """Create the SyslogClient if the owner has set a receiver, else None."""
    if "syslog/server" not in app.vault.names():
        return None
    from charger.syslog_client.client import SyslogClient  # 1,300 frozen bytes, 1.6 KiB of heap, for units with a receiver

    client = SyslogClient(app.vault, app.security_log, lambda: app.wifi.host, app.may_send_log)
    app.memory.add(client)
    return client
