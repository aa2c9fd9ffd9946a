"""Short slices of processor time while the unit makes a key and a request, and takes a certificate and a root."""

import asyncio
import sys
import time

import flashrig
from ca import Authority
from check import equal, true
from ocpp_rig import NOW

from charger import clock
from charger.config.configuration import Configuration
from charger.credentials import certificate_store
from charger.credentials.vault import Vault
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.v16.services.certificate_renewal import CertificateRenewal
from charger.runtime import memory

HEAP = 8 * 1024 * 1024
MOST_S = 0.03  # of 50 ms between two ticks; measured: 4 ms


class Unit:
    """As much of a charge point as the service needs."""

    def __init__(self):
        flashrig.fresh()
        self.files = flashrig.files()
        vault = Vault(self.files, bytes(32))
        self.config = Configuration(self.files, {"CpoName": "Acme", "SecurityProfile": "3"}, vault=vault)
        self.authority = Authority()
        self.store = certificate_store.CertificateStore(self.files, self.config, None, vault, {"ca": self.authority.root})
        self.settings = ConnectionSettings(self.config, {"url": "wss://h", "identity": "CP1"}, self.store)

    async def reconnect(self):
        """The connection is good."""
        self.settings.opened()


async def test_no_slice_is_long():
    clock.set_utc(NOW, "test")
    unit = Unit()
    service = CertificateRenewal(unit.config, unit.store, unit.settings, None, None, unit.reconnect)
    other = Authority("Other").root
    longest = [0, time.clock()]

    async def watch():
        while True:
            await asyncio.sleep(0)
            now = time.clock()
            longest[0] = max(longest[0], now - longest[1])
            longest[1] = now

    task = asyncio.create_task(watch())
    request = await service._make_request()
    true(longest[0] < MOST_S, longest[0])
    chain = unit.authority.answer(request)
    await asyncio.sleep(0)
    longest[:] = [0, time.clock()]
    equal(await service.signed(chain), "Accepted")
    await service.begin()
    for _ in range(50):
        await asyncio.sleep(0)
    true(not unit.store.has_next() and unit.store.client_chain() == chain.encode())
    equal(await unit.store.install(certificate_store.CENTRAL_SYSTEM, other), "Accepted")
    equal(len(await unit.store.installed(certificate_store.CENTRAL_SYSTEM)), 2)
    task.cancel()
    true(0 < longest[0] < MOST_S, longest[0])


async def test_no_slice_imports_more_than_two_of_the_modules_that_check_certificates():
    unit = Unit()
    most = [0, 0]

    def look():
        loaded = sum([name in sys.modules for name in memory.CERTIFICATES])
        most[:] = [max(most[0], loaded - most[1]), loaded]

    async def watch():
        while True:
            look()
            await asyncio.sleep(0)

    task = asyncio.create_task(watch())
    wanted = {"hashAlgorithm": "SHA256", "issuerNameHash": "0", "issuerKeyHash": "0", "serialNumber": "0"}
    for job in (unit.store.installed(certificate_store.CENTRAL_SYSTEM), unit.store.delete(wanted),
                unit.store.install(certificate_store.CENTRAL_SYSTEM, unit.authority.root)):  # fmt: skip
        memory.unload(memory.CERTIFICATES)
        await asyncio.sleep(0)
        most[:] = [0, 0]
        await job
        true(0 < most[0] <= 2, most)
    task.cancel()
