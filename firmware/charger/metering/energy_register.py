"""The energy register of one connector: total energy as integers, which never decreases (MET-2).

Energy is counted in RAM and written to flash when 90 Wh are unsaved, 10 minutes after the last write if anything is
unsaved, and at the start and end of a session. So a power cut loses LOSS_BOUND_WH at most,
and nothing that was reported: reported_wh() is the value on flash.
"""

import struct
from binascii import crc32

from micropython import const

from charger import clock, log
from charger.store.ab_record import ABRecord
from charger.store.files import Files

LOSS_BOUND_WH = const(100)  # MET-2. 90 Wh, and 1.5 s at 22 kW (9.2 Wh) until the writing task runs
_DUE_WH = const(90)
_DUE_S = const(600)
_RETRY_S = const(10)
_REPORT_AGE_S = const(15)  # a reported value may be this much older than the register
_MAX_STEP_MWH = const(100000000)  # a step of 100 kWh means a faulty counter; the bound also keeps sums small integers
_RECORD = "<IHIHII"  # import Wh and mWh, export Wh and mWh, import Wh when this meter was fitted, CRC-32 of its name
_CHANGES_KEPT = const(8)


class EnergyRegister:
    """`total_wh` and `export_wh` are whole Wh since production. add() and add_export() allocate nothing.

    offset_wh is the total when the present meter was fitted: total_wh - offset_wh is that meter's share. Each connector
    has one register, owned by the task of its meter.
    """

    def __init__(self, files: Files, connector_id: int) -> None:
        self.connector_id = connector_id
        self.total_wh = 0
        self.export_wh = 0
        self.offset_wh = 0
        self.rejected = 0
        self._rest = 0  # mWh, the fraction of the next Wh
        self._export_rest = 0
        self._meter = 0
        self._files = files
        self._ab_record = ABRecord(files, "hot/energy%d" % connector_id)
        self._rejected_logged = 0
        self._load()
        self._saved()

    @property
    def total_mwh(self) -> int:
        """Return the imported energy in mWh (a big integer on 32-bit boards: not for the control tick)."""
        return self.total_wh * 1000 + self._rest

    def reported_wh(self) -> int:
        """Return the value to report: the one on flash, which is written first when it is older than 15 s.

        For tasks only: it may write to flash. When the flash refuses, the stored value is returned.
        """
        if self.total_wh != self._saved_wh:
            now_s = clock.uptime_s()
            if now_s - self._saved_s >= _REPORT_AGE_S and now_s >= self._not_before_s:
                self.persist()
        return self._saved_wh

    def add(self, delta_mwh: int) -> None:
        """Add imported energy in mWh. Steps below 0 or above 100 kWh are meter faults: ignored and counted."""
        if delta_mwh < 0 or delta_mwh > _MAX_STEP_MWH:
            self.rejected += 1
            return
        rest = self._rest + delta_mwh
        self.total_wh += rest // 1000
        self._rest = rest % 1000

    def add_export(self, delta_mwh: int) -> None:
        """Add exported energy in mWh, positive, with the same limits as add()."""
        if delta_mwh < 0 or delta_mwh > _MAX_STEP_MWH:
            self.rejected += 1
            return
        rest = self._export_rest + delta_mwh
        self.export_wh += rest // 1000
        self._export_rest = rest % 1000

    def at_least(self, wh: int) -> None:
        """Raise the register to a value that another record on flash proves. Never lowers it."""
        if wh > self.total_wh:
            log.warn("meter", "register %d raised from %d to %d Wh" % (self.connector_id, self.total_wh, wh))
            self.total_wh = wh
            self._rest = 0
            self.persist()

    def fitted(self, meter: str) -> None:
        """Set the kind of meter that feeds the register. A change is logged and sets the offset. Raises nothing."""
        name = crc32(meter.encode())
        if name == self._meter:
            return
        self._meter = name
        self.offset_wh = self.total_wh
        log.warn("meter", "register %d: meter %s from %d Wh on" % (self.connector_id, meter, self.total_wh))
        changes = self.changes()
        if not changes or changes[-1]["meter"] != meter:  # otherwise the power failed between the writes of list and register
            changes.append({"meter": meter, "offset_wh": self.total_wh, "boot": clock.boot_id, "utc": clock.utc_s()})
        try:
            self._files.write_json(self._changes_name(), changes[-_CHANGES_KEPT:])
        except OSError as error:
            log.error("meter", "register %d: change not listed: %s" % (self.connector_id, log.reason(error)))
        self.persist()

    def changes(self) -> list:
        """Return the last 8 meters, oldest first: {"meter", "offset_wh", "boot", "utc" (s or None)}."""
        return self._files.read_json(self._changes_name()) or []

    def persist_when_due(self) -> None:
        """Write when MET-2 requires it. Called at least once a second, by a task, since it may write to flash."""
        if self.rejected != self._rejected_logged:
            self._rejected_logged = self.rejected
            log.error("meter", "register %d: impossible step refused (%d so far)" % (self.connector_id, self.rejected))
        now_s = clock.uptime_s()
        if not self._changed():
            self._saved_s = now_s
        elif self.total_wh - self._saved_wh >= _DUE_WH or self.export_wh - self._saved_export_wh >= _DUE_WH:
            if now_s >= self._not_before_s:
                self.persist()
        elif now_s - self._saved_s >= _DUE_S:
            self.persist()

    def persist(self) -> bool:
        """Write unsaved energy now. False when the flash fails: metering goes on, and the write is retried."""
        record = self._pack()
        if record == self._ab_record.read():
            return True
        try:
            self._ab_record.write(record)
        except OSError as error:
            self._not_before_s = self._saved_s = clock.uptime_s() + _RETRY_S
            log.error("meter", "register %d not written: %s" % (self.connector_id, log.reason(error)))
            return False
        self._saved()
        return True

    def _changed(self) -> bool:
        return (
            self.total_wh != self._saved_wh
            or self._rest != self._saved_rest
            or self.export_wh != self._saved_export_wh
            or self._export_rest != self._saved_export_rest
        )

    def _saved(self) -> None:
        self._saved_wh = self.total_wh
        self._saved_rest = self._rest
        self._saved_export_wh = self.export_wh
        self._saved_export_rest = self._export_rest
        self._saved_s = clock.uptime_s()
        self._not_before_s = 0

    def _pack(self) -> bytes:
        return struct.pack(
            _RECORD, self.total_wh, self._rest, self.export_wh, self._export_rest, self.offset_wh, self._meter
        )

    def _load(self) -> None:
        record = self._ab_record.read()
        if record is None or len(record) != struct.calcsize(_RECORD):
            return
        fields = struct.unpack(_RECORD, record)
        self.total_wh, self._rest, self.export_wh, self._export_rest, self.offset_wh, self._meter = fields

    def _changes_name(self) -> str:
        return "meter%d.json" % self.connector_id
