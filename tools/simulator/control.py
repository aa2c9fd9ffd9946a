"""The control port: newline-delimited JSON over TCP, any number of clients, one answer a line, whatever comes in."""

import asyncio
import contextlib
import json

MOST_BYTES = 65536  # of one line
_CLIENTS = 32


def _refused(why, number=None):
    return {"id": number, "ok": False, "error": why}


class ControlPort:
    """Serves clients; `execute` is an async function from a command (with "cmd") to its reply."""

    def __init__(self, execute):
        self._execute = execute
        self._server = None
        self._clients = 0

    async def open(self, host, port):
        """Listen; returns the port. OSError when the address cannot be had."""
        self._server = await asyncio.start_server(self._client, host, port)
        return self._server.sockets[0].getsockname()[1]

    def close(self):
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _client(self, reader, writer):
        self._clients += 1
        try:
            if self._clients > _CLIENTS:
                writer.write(json.dumps(_refused("too many clients")).encode() + b"\n")
                return
            async for line in self._lines(reader):
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients -= 1
            with contextlib.suppress(ConnectionError):
                writer.close()

    @staticmethod
    async def _lines(reader):
        """Lines without their end; None for one that was too long and was skipped."""
        rest = b""
        skipping = False
        while chunk := await reader.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if skipping:
                    skipping = False
                elif len(line) > MOST_BYTES:
                    yield None
                elif line.strip():
                    yield line
            if len(rest) > MOST_BYTES:
                if not skipping:
                    yield None
                skipping = True
                rest = b""

    async def _answer(self, line):
        if line is None:
            return _refused(f"a line has {MOST_BYTES} bytes at most")
        try:
            command = json.loads(line)
        except (ValueError, RecursionError):
            return _refused("not JSON")
        if not isinstance(command, dict):
            return _refused("a command is a JSON object")
        number = command.pop("id", None)
        if not isinstance(command.get("cmd"), str):
            return _refused("a command has a text named cmd", number)
        command.pop("n", None)
        if command["cmd"] == "stop":
            return _refused("no command stop; end the process instead", number)
        try:
            reply = await self._execute(command)
        except (ValueError, RecursionError, UnicodeError) as error:
            return _refused(str(error), number)
        return {"id": number, **reply}
