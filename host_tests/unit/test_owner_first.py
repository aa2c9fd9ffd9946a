"""No stranger, back end or other role keeps the owner out of page, session or update (F-S4, F-S5, F-S10, F-S11)."""

import asyncio  # first: a long chain of imports, too long for a 32-bit stack when it begins further down
import socket

from check import equal, true
from ocpp_rig import Rig
from peer import until
from udp_server import bind_free_port

from charger import clock, log
from charger.audit import connection_events
from charger.errors import CallError, CallTimeoutError
from charger.local_api import listener as listener_module
from charger.local_api import routes
from charger.local_api.admission import Admission
from charger.local_api.listener import LocalApiListener, LoginSession
from charger.update import owner_install
from sim import timebase

HEAP = 16 * 1024 * 1024


def test_f_s10_strangers_leave_one_place_to_an_address_that_has_logged_in():
    admission = Admission()
    admission.remember("10.0.0.9")
    for host in ("10.0.0.1", "10.0.0.2"):
        true(admission.has_place(host))
        admission.enter(host)
    true(not admission.has_place("10.0.0.3"))
    true(admission.has_place("10.0.0.9"))
    admission.enter("10.0.0.9")
    true(not admission.has_place("10.0.0.9"), "three connections at once")
    admission.leave("10.0.0.1")
    true(admission.has_place("10.0.0.3"))


def test_f_s10_users_and_programs_push_no_owner_out():
    """However many addresses of users and programs are known: the owner's keeps its place and its pauses of charging."""
    admission = Admission()
    admission.remember("10.0.0.9", True)
    for number in range(20):
        admission.remember("10.0.1.%d" % number)
    for number in (1, 2):
        admission.enter("10.0.2.%d" % number)
    true(admission.has_place("10.0.0.9") and admission.has_place("10.0.1.19") and not admission.has_place("10.0.1.2"))


async def test_f_s10_the_owner_gets_the_place_of_somebody_else():
    """A user, or a program, holds all connections: the oldest is ended for the owner, and for nobody else."""
    bound = socket.socket()
    port = bind_free_port(bound)
    bound.close()
    listener = LocalApiListener("127.0.0.1:%d" % port, None, None, None)
    served, ended, hosts = [], [], ["user", "user", "user", "stranger", "user", "owner", "owner", "owner", "owner"]
    whose = listener_module.host_of

    async def serve(client, host):
        try:
            served.append(host)
            while True:
                await asyncio.sleep(60)
        finally:
            ended.append(host)
            client.close()
            listener.admission.leave(host, asyncio.current_task())

    listener._serve = serve
    listener._has_memory = lambda: True
    listener_module.host_of = lambda address: hosts.pop(0)
    listener.admission.remember("user")
    listener.admission.remember("owner", True)
    clients = []
    task = asyncio.create_task(listener.run())
    try:
        await until(lambda: listener.port, 5000)
        for _ in range(9):
            left = len(hosts)
            clients.append(socket.socket())
            clients[-1].connect(socket.getaddrinfo("127.0.0.1", listener.port)[0][-1])
            await until(lambda left=left: len(hosts) < left, 5000)
            await clock.sleep_ms(100)
        equal((served, ended), (["user"] * 3 + ["owner"] * 3, ["user"] * 3))
    finally:
        task.cancel()
        listener_module.host_of = whose
        for client in clients:
            client.close()


async def test_one_host_that_holds_all_strangers_places_gives_one_to_another():
    """After a start no address is known: one that connects again and again would leave no place for the owner's."""
    async def wait():
        await asyncio.sleep(60)

    admission, ended = Admission(), []
    held = [asyncio.create_task(wait()) for _ in range(2)]
    for task in held:
        admission.enter("10.0.0.1", task)
    true(not admission.make_way("10.0.0.1"), "not for itself")
    true(admission.make_way("10.0.0.2"))
    for task in held:
        try:
            await asyncio.wait_for_ms(task, 50)
        except asyncio.CancelledError:
            ended.append(task)
            admission.leave("10.0.0.1", task)
        except asyncio.TimeoutError:
            pass
    equal(ended, held[:1])
    true(admission.has_place("10.0.0.2"))
    admission.enter("10.0.0.2")
    true(not admission.make_way("10.0.0.1") and not admission.make_way("10.0.0.3"), "each has one")
    known = Admission()
    known.remember("10.0.0.9")
    for _ in range(3):
        known.enter("10.0.0.9")
    true(not known.make_way("10.0.0.2"), "an address with a login keeps its connections")


def test_f_s11_a_users_log_ins_leave_the_owners_session():
    owner = LoginSession("owner")
    sessions = []
    routes.admit(sessions, owner)
    for _ in range(8):
        routes.admit(sessions, LoginSession("user"))
    true(owner in sessions)
    equal(len(sessions), 3)


async def test_f_s5_each_answer_of_the_back_end_proves_the_link():
    pending = {"status": "Pending", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"}
    for answer, proves in (
        (pending, True), (dict(pending, status="Rejected"), True), ({"status": "Unheard"}, True),
        (CallError("InternalError", "no"), True), (CallTimeoutError("late"), False),
    ):  # fmt: skip
        rig = Rig()
        rig.link.answers["BootNotification"] = answer
        await rig.start()
        await rig.sent("BootNotification")
        await rig.seconds(1)
        equal((rig.cp.answered(), rig.cp.ready()), (proves, False), answer)


def test_f_s5_a_refused_websocket_handshake_proves_the_link():
    rig = Rig()
    true(not rig.cp.answered())
    rig.cp.link_refused()
    true(rig.cp.answered())


class Install:
    """An Updater with an offer, and the availability: notes what owner_install.py does with both."""

    def __init__(self, error=None):
        self.done = []
        self.error = error
        self.offer = {"version": "9.0.0", "url": "https://h/a"}
        self.reserved = True
        self.busy = 2

    async def fetch(self, url, for_owner):
        self.done.append(url if for_owner else "as the back end")
        if self.error is not None:
            raise self.error

    def hold(self, held):
        self.done.append(held)

    def apply(self):
        self.busy -= 1
        return [1] if self.busy >= 0 else []

    async def install(self):
        self.done.append("install")
        raise OSError("the flash")


async def test_the_offered_update_is_installed_when_no_car_charges_any_more_and_a_failure_leaves_nothing_held():
    timebase.manual()
    for error, done in ((None, ["https://h/a", True, "install", False]), (OSError("x"), ["https://h/a", False]),
                        (ValueError("x"), ["https://h/a", False]), (MemoryError(), ["https://h/a", False])):  # fmt: skip
        app = Install(error)
        task = asyncio.create_task(owner_install.install(app, app))
        while not task.done():
            timebase.advance(500)
            await asyncio.sleep_ms(0)
        await task
        equal((app.done, app.reserved, app.busy), (done, False, 2 if error else -1), repr(error))
        equal(app.failed, log.reason(error or OSError("the flash")))


def test_only_failures_that_say_something_of_security_are_events():
    equal(connection_events.event_of("untrusted"), "InvalidCentralSystemCertificate")
    equal(connection_events.event_of("version"), "InvalidTLSVersion")
    equal([connection_events.event_of(cause) for cause in ("dns", "timeout", "reset", "refused")], [None] * 4)
