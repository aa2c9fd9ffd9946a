"""Names that annotations of the firmware use without an import: MicroPython does not evaluate annotations, an import costs heap.

pyright reads this file (`stubPath` in pyproject.toml); ruff has the names in `builtins`.
"""

from collections.abc import Callable as Callable
from collections.abc import Generator
from collections.abc import Iterable as Iterable
from collections.abc import Iterator as Iterator
from typing import Any as Any

from _mpy_shed._mpy_builtins import const as const
from _mpy_shed._mpy_builtins import ptr as ptr
from _mpy_shed._mpy_builtins import ptr8 as ptr8
from _mpy_shed._mpy_builtins import ptr16 as ptr16
from _mpy_shed._mpy_builtins import ptr32 as ptr32
from _mpy_shed._mpy_builtins import uint as uint

from charger.access.home_cards import Learning as Learning
from charger.access.pin import Pins as Pins
from charger.access.tokens import Client as Client
from charger.app import Application as Application
from charger.audit.security_log import SecurityLog as SecurityLog
from charger.config.configuration import Configuration as Configuration
from charger.credentials.certificate_store import CertificateStore as CertificateStore
from charger.credentials.vault import Vault as Vault
from charger.crypto import x509 as x509
from charger.drivers.meters.atm90e32 import Registers as Registers
from charger.drivers.meters.calibration import Calibration as Calibration
from charger.grid.load_sharing import SharedSupply as SharedSupply
from charger.grid.planner import Planner as Planner
from charger.grid.time_zone import TimeZone as TimeZone
from charger.local_api.http_server import Request as Request
from charger.local_api.listener import LocalApiListener as LocalApiListener
from charger.local_api.listener import LoginSession as LoginSession
from charger.local_api.routes import LocalApi as LocalApi
from charger.metering.charging_session import Session as Session
from charger.metering.meter import Meter as Meter
from charger.metering.session_store import SessionStore as SessionStore
from charger.mqtt_client.client import MqttClient as MqttClient
from charger.mqtt_client.command_sources import CommandSources as CommandSources
from charger.net.http_response import Response as Response
from charger.net.mqtt_session import MqttSession as MqttSession
from charger.net.upload import Uploader as Uploader
from charger.net.url import Url as Url
from charger.net.websocket import WebSocket as WebSocket
from charger.ocpp.transport.connection import Connection as Connection
from charger.ocpp.transport.connection_settings import ConnectionSettings as ConnectionSettings
from charger.ocpp.transport.credential_trial import CredentialTrial as CredentialTrial
from charger.ocpp.transport.rpc import Rpc as Rpc
from charger.ocpp.v16.charge_point import ChargePoint as ChargePoint
from charger.ocpp.v16.charging_profile import ChargingProfile as ChargingProfile
from charger.ocpp.v16.message_queue import MessageQueue as MessageQueue
from charger.ocpp.v16.services.authorisation import Authorisation as Authorisation
from charger.ocpp.v16.services.authorisation_cache import AuthorisationCache as AuthorisationCache
from charger.ocpp.v16.services.availability import Availability as Availability
from charger.ocpp.v16.services.certificate_renewal import CertificateRenewal as CertificateRenewal
from charger.ocpp.v16.services.diagnostics_text import DiagnosticsText as DiagnosticsText
from charger.ocpp.v16.services.diagnostics_upload import DiagnosticsUpload as DiagnosticsUpload
from charger.ocpp.v16.services.firmware_update import FirmwareUpdate as FirmwareUpdate
from charger.ocpp.v16.services.id_tags import IdTags as IdTags
from charger.ocpp.v16.services.local_list import LocalList as LocalList
from charger.ocpp.v16.services.log_upload import LogUpload as LogUpload
from charger.ocpp.v16.services.meter_values import MeterValues as MeterValues
from charger.ocpp.v16.services.power_return import PowerReturn as PowerReturn
from charger.ocpp.v16.services.reservations import Reservations as Reservations
from charger.ocpp.v16.services.signed_firmware_update import SignedFirmwareUpdate as SignedFirmwareUpdate
from charger.ocpp.v16.services.smart_charging import SmartCharging as SmartCharging
from charger.ocpp.v16.services.status_notification import StatusNotification as StatusNotification
from charger.ocpp.v16.services.unit_reset import UnitReset as UnitReset
from charger.ocpp.v16.transaction_queue import TransactionQueue as TransactionQueue
from charger.outlet.connector import Connector as Connector
from charger.outlet.guards.base import Guard as Guard
from charger.outlet.outlet import Outlet as Outlet
from charger.outlet.outlet_readout import OutletView as OutletView
from charger.outlet.pending_start import Pending as Pending
from charger.runtime.memory import Reclaimer as Reclaimer
from charger.runtime.supervisor import Supervisor as Supervisor
from charger.store.files import Files as Files
from charger.store.journal import Journal as Journal
from charger.syslog_client.client import SyslogClient as SyslogClient
from charger.update.download_source import DownloadSource as DownloadSource
from charger.update.update_manager import UpdateManager as UpdateManager
from charger.update.updater import Updater as Updater

Steps = Generator[Any, Any, Any]  # a computation in slices; its value is returned at the end (runtime/cooperative.py)
Buffer = bytes | bytearray | memoryview
Role = str | Client  # who acts: a role, or a program with a token
