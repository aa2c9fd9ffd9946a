"""Several chargers on one fuse: who leads, what each gets, and what a lost, late, forged or repeated message does (CP-53)."""

import random

from check import equal, true
from group_rig import KEY, Site, Unit

from charger.grid import charger_group
from charger.grid.charger_group import divide
from charger.net.group_link import GroupLink, broadcast, opened, seal

HEAP = 16 * 1024 * 1024
SETTLED_S = charger_group.SETTLE_MS // 1000 + 12


def site(count, fuse_da=320, configured=None, seed=1):
    random.seed(seed)
    return Site(count, fuse_da, configured)


def settled(count, fuse_da=320, cars=(), configured=None):
    """Units that have found each other, with cars at some of them."""
    at = site(count, fuse_da, configured)
    for n in cars:
        at.units[n].outlet.plug()
    at.seconds(SETTLED_S)
    equal(at.leader(), 0)
    return at


def never_too_much(at):
    true(at.worst_da <= at.fuse_da, "drawn in sum: %d" % at.worst_da)


def test_the_lowest_serial_leads_and_cars_share_what_the_fuse_bears():
    at = settled(3, cars=[2])
    equal(at.offers(), [0, 0, 320])
    at.units[0].outlet.plug()
    at.seconds(15)
    equal(at.offers(), [160, 0, 160])
    at.units[1].outlet.plug()
    at.seconds(15)
    equal(at.offers(), [106, 107, 107])
    at.units[0].outlet.plug(False)
    at.seconds(15)
    equal(at.offers(), [0, 160, 160])
    never_too_much(at)
    equal(at.units[1].group.report(), {"max_amps": 32.0, "units": 3, "heard": 3, "leader": "CP0000", "share_amps": 16.0,
                                       "safe_amps": 10.6, "fault": ""})


def test_eight_units_on_a_small_fuse_wait_for_six_ampere_each_and_who_charges_goes_on():
    at = settled(8, cars=[7])
    at.seconds(5)
    for n in range(8):
        at.units[n].outlet.plug()
        at.seconds(3)
    at.seconds(20)
    equal(at.offers(), [64, 64, 64, 64, 0, 0, 0, 64])
    at.units[7].outlet.plug(False)
    at.seconds(20)
    equal(at.offers(), [64, 64, 64, 64, 64, 0, 0, 0], "the one that has asked for longest")
    never_too_much(at)


def test_what_a_car_leaves_by_its_own_limit_is_for_the_others():
    at = settled(3, cars=[0, 1, 2])
    at.units[1].outlet.limits.set("user", 60)
    at.seconds(20)
    equal(at.offers(), [130, 60, 130])
    equal(divide([(True, 0, b"1", 320), (True, 0, b"2", 50), (True, -5, b"3", 320)], 100), {b"3": 100})
    equal(divide([(False, 0, b"1", 320), (True, -9, b"2", 320)], 119), {b"1": 119})


def test_a_leader_that_falls_silent_leaves_the_safe_current_and_the_next_one_leads():
    at = settled(3, cars=[1, 2])
    equal(at.offers(), [0, 160, 160])
    at.units[0].stop()
    at.seconds(7)
    true(at.units[2].outlet.offered_da <= 106, "it has no leader")
    equal(at.until(lambda: at.leader() == 1, 10) <= 10, True)
    at.seconds(20)
    equal(at.offers(), [0, 106, 106])
    at.seconds(SETTLED_S)
    equal(at.offers(), [0, 106, 106], "a third of the fuse stays with the unit that is not heard")
    at.units[0].start()
    at.units[0].outlet.plug()
    at.until(lambda: at.leader() == 0, 30)
    at.seconds(SETTLED_S)
    equal(sorted(at.offers()), [106, 107, 107])
    never_too_much(at)


def test_units_that_hear_nobody_keep_to_their_safe_share():
    at = settled(4, 400, cars=[0])
    equal(at.offers(), [320, 0, 0, 0])
    for n in range(4):
        at.units[n].outlet.plug()
    at.deaf = {(a, b) for a in range(4) for b in range(4)}
    at.seconds(8)
    true(at.units[3].outlet.offered_da <= 100)
    at.seconds(2 * SETTLED_S)
    equal(at.offers(), [100, 100, 100, 100])
    never_too_much(at)
    equal(at.units[2].group.report()["fault"], "not all units are heard")


def test_two_halves_of_a_network_have_two_leaders_and_half_of_the_fuse_each():
    at = settled(4, 320, cars=[0, 1, 3])
    at.deaf = {(a, b) for a in range(4) for b in range(4) if (a < 2) != (b < 2)}
    at.seconds(2 * SETTLED_S)
    equal(at.offers(), [80, 80, 0, 160])
    equal([unit.group.report()["leader"] for unit in at.units], ["CP0000", "CP0000", "CP0002", "CP0002"])
    at.deaf = set()
    at.until(lambda: at.leader() == 0, 30)
    at.seconds(SETTLED_S)
    equal(sorted(at.offers()), [0, 106, 107, 107])
    never_too_much(at)


def test_a_unit_that_one_other_alone_hears_makes_no_second_leader():
    """The first and the last do not hear each other, the one between hears both: the last has no leader, and its safe share."""
    at = settled(3, cars=[0])
    at.deaf = {(0, 2), (2, 0)}
    at.units[2].outlet.plug()
    at.seconds(3 * SETTLED_S)
    equal(at.units[2].group.report()["leader"], "CP0001")
    equal(at.units[2].outlet.offered_da, 106)
    never_too_much(at)


def test_a_grant_that_is_under_way_stays_reserved_until_a_lower_one_has_arrived():
    at = settled(2)
    other = at.units[0].group.others[b"CP0001"]
    at.deaf = {(0, 1)}  # the grant does not come, or may still come
    at.units[1].outlet.plug()
    at.until(lambda: other.given_da == 320, 4)
    at.units[0].outlet.plug()
    at.until(lambda: other.given_da == 160, 2)
    equal((other.held_da, at.units[0].group.share_da), (0, 0))
    at.deaf = set()
    at.until(lambda: at.offers() == [160, 160], 6)
    never_too_much(at)


def test_a_unit_that_did_not_hear_the_leader_keeps_what_it_holds_when_it_is_back():
    """Its grant of before does not come into force again while another unit still draws what it left."""
    at = settled(4, 400, cars=[1])
    equal(at.offers(), [0, 320, 0, 0])
    at.deaf = {(0, 1)}
    at.units[0].outlet.plug()
    at.seconds(2 * SETTLED_S)
    equal(at.offers(), [300, 100, 0, 0])
    at.deaf = set()
    at.until(lambda: len(at.units[0].group.live()) == 3, 10)
    at.seconds(8)
    equal(at.offers(), [200, 100, 0, 0], "lowered at once, raised later")
    at.seconds(SETTLED_S)
    equal(at.offers(), [200, 200, 0, 0])
    never_too_much(at)


def test_one_way_alone_counts_as_not_heard():
    at = settled(2, cars=[0, 1])
    equal(at.offers(), [160, 160])
    at.deaf = {(1, 0)}
    at.seconds(12)
    equal([unit.group.report()["heard"] for unit in at.units], [1, 1])
    never_too_much(at)


def test_an_added_unit_counts_although_the_others_were_not_told():
    at = settled(3, cars=[0, 1, 2], configured=3)
    at.units.append(Unit("CP0003", 320, 3))
    at.units[3].outlet.plug()
    at.seconds(SETTLED_S)
    equal(at.offers(), [80, 80, 80, 80])
    equal([unit.group.safe_da for unit in at.units], [80] * 4)
    at.units[3].stop()
    at.seconds(30)
    equal([unit.group.units for unit in at.units[:3]], [4] * 3, "until all are heard, the most careful setting holds")
    never_too_much(at)


def test_of_different_settings_the_most_careful_hold():
    at = site(2, 320)
    at.units.append(Unit("CP0002", 200, 5))
    for unit in at.units:
        unit.outlet.plug()
    at.seconds(SETTLED_S)
    for unit in at.units:
        equal((unit.group.fuse_da, unit.group.units, unit.group.safe_da), (200, 5, 0))
    true(sum(at.offers()) <= 120, "three fifths of the lower fuse")


def captured(at, number, count=1):
    """The last datagrams of a unit."""
    found = []
    while len(found) < count:
        at.units[number].second()
        found += at.units[number].link.sent
        at._deliver(number)
    return found[-count:]


def messages(at, datagrams, number):
    """The results of a unit for datagrams that arrive now."""
    return [at.units[number].group.take(opened(KEY, datagram) or b"") for datagram in datagrams]


def test_a_repeated_a_late_and_an_old_message_count_for_nothing():
    at = settled(2, cars=[1])
    [fresh] = captured(at, 0)
    at.units[1].link.arrived.clear()
    equal(messages(at, [fresh, fresh], 1), [True, False])
    [held_back] = captured(at, 0)
    at.units[1].link.arrived.clear()
    for _ in range(6):
        at.units[1].second()
    equal(messages(at, [held_back], 1), [False], "it answers a message of six before")
    at = settled(2, cars=[1])
    [before] = captured(at, 0)
    at.units[1].stop()
    at.units[1].start()
    equal(messages(at, [before], 1), [False], "of before the restart")
    equal(at.units[1].group.share_da, 0)


def test_a_forged_and_an_altered_message_count_for_nothing():
    at = settled(2, cars=[0, 1])
    [datagram] = captured(at, 0)
    at.units[1].link.arrived.clear()
    for n in range(len(datagram)):
        altered = bytearray(datagram)
        altered[n] ^= 1 << n % 8
        equal(opened(KEY, bytes(altered)), None)
    body = opened(KEY, datagram)
    equal(opened(KEY, seal(b"another key of 16", body)), None)
    for wrong in (b"", datagram[:16], bytes(400), seal(KEY, bytes(300))):
        equal(opened(KEY, wrong), None)
    group = at.units[1].group
    for wrong in (body[:20], b"PG2" + body[3:], body[:14] + bytes(13), body[:-14], body[:33] + b"CP0001" + body[39:]):
        equal(group.take(wrong), False)
    share_da = group.share_da
    equal(messages(at, captured(at, 0), 1), [True])
    equal(group.share_da, share_da)


def test_a_unit_with_another_key_is_not_heard():
    at = settled(2, cars=[0])
    at.units.append(Unit("CP0002", 320, 2, key=b"another key of 16"))
    at.units[2].outlet.plug()
    at.seconds(SETTLED_S)
    equal((at.offers()[0], at.units[2].outlet.offered_da, at.units[2].group.report()["heard"]), (320, 160, 1))


def test_without_a_key_the_safe_share_holds():
    at = site(3)
    unit = at.units[0]
    unit.group._link = None
    unit.outlet.plug()
    at.seconds(SETTLED_S)
    equal((unit.outlet.offered_da, unit.group.report()["fault"]), (106, "no key"))


def test_whatever_is_lost_late_repeated_or_cut_the_sum_holds():
    """Cars that follow as late as they may; units restart, links fail one way or both: the fuse is not exceeded for a second."""
    seed = random.getrandbits(20)
    charged = 0
    for count in (2, 3, 5):
        at = site(count, random.choice((160, 320, 400)), seed=seed)
        at.loss, at.delay_s, at.replayed = random.choice((0, 0.1, 0.4)), random.choice((0, 1, 3)), 0.3
        for _ in range(12):
            throw(at)
            at.seconds(random.choice((5, 20, 60)))
            true(at.worst_da <= at.fuse_da, "seed %d: drawn in sum: %d of %d" % (seed, at.worst_da, at.fuse_da))
        charged += at.worst_da
    true(charged > 0)


def throw(at):
    """Something happens."""
    numbers = range(len(at.units))
    what = random.randrange(5)
    unit = at.units[random.randrange(len(at.units))]
    if what == 0:
        unit.outlet.plug(not unit.outlet.plugged)
    elif what == 1:
        for one in at.units:
            one.outlet.plug()
    elif what == 2:
        for one in at.units:
            if one.group is None:
                one.start()
        unit.stop()
    elif what == 3:
        at.deaf = {(a, b) for a in numbers for b in numbers if random.random() < 0.3}
    else:
        sides = [random.random() < 0.5 for _ in numbers]
        at.deaf = {(a, b) for a in numbers for b in numbers if sides[a] != sides[b]}


class Station:
    up = True

    def isconnected(self):
        return self.up

    def ifconfig(self):
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")


def test_datagrams_reach_all_of_the_home_network_and_a_lost_one_is_no_error():
    equal([broadcast("192.168.1.77", "255.255.255.0"), broadcast("10.1.2.3", "255.255.252.0")], ["192.168.1.255", "10.1.3.255"])
    port = 20000 + random.getrandbits(15)
    links = [GroupLink(KEY, port, Station()) for _ in range(2)] + [GroupLink(b"another key of 16", port, Station())]
    equal([link.receive() for link in links], [None] * 3, "not open yet")
    for link in links:
        link.send(b"here")  # opens it
    while links[0].receive() is not None or links[1].receive() is not None or links[2].receive() is not None:
        pass
    links[0].send(b"hello")
    equal([link.fault for link in links], [""] * 3)
    equal([arrived(link) for link in links], [b"hello", b"hello", b""])
    links[0]._station.up = False
    links[0].send(b"hello")
    equal((links[0].fault, links[0].receive()), ("no network", None))
    links[1]._socket.close()
    links[1].send(b"hello")
    true(links[1].fault not in ("", "no network"))
    links[1].send(b"hello")
    equal(links[1].fault, "", "opened again")
    longest = bytes(33 + 25 + 7 * 14)
    equal(opened(KEY, seal(KEY, longest)), longest)
    for link in links:
        link._fails("the test ends")


def arrived(link):
    """The next message that a link receives."""
    for _ in range(100000):
        message = link.receive()
        if message is not None:
            return message
    raise AssertionError("nothing arrives")
