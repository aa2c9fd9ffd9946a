"""Serves one client of the local API and of the page: TLS handshake, then requests, each with a time limit (SEC-12, SEC-26)."""

import asyncio
import json
import sys

import tls
from micropython import const

from charger import clock, log
from charger.audit import events
from charger.errors import RequestError
from charger.local_api import page_files, routes
from charger.local_api.http_server import HttpConnection
from charger.runtime import hold_ups

_HANDSHAKE_MS = const(20000)  # with the pause of the charging before it; and as long for the first request
_REQUEST_MS = const(15000)  # from an answer to the end of the next request
_ANSWER_MS = const(60000)  # for the answer: a PIN check takes half a second, an erasure longer
_API = "/api/"
_METRICS = "/metrics"
_FEW = const(4)  # entries of a list that are encoded in one slice
_REQUESTS = const(50)  # in one connection, counted again from each that a session was allowed to make
_LOOKED_ON = const(39)  # of these are left when another client may have the place of one that only looks on: some ten seconds


def _context(vault: Vault) -> Any:
    """Make the TLS context with the unit's certificate, TLS 1.2 or newer with forward secrecy."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    suites = [name for name in context.get_ciphers() if name.startswith("TLS1-3-") or ("-ECDHE-" in name and "-GCM-" in name)]
    context.set_ciphers(suites)
    context.load_cert_chain(vault.get("web/certificate"), vault.get("web/key"))
    return context


async def serve(api: LocalApi, client: Any, host: str) -> None:
    """Answer a client from the address `host` until it closes, is too slow, or reaches the number of requests."""
    admission = api.listener.admission
    secured = _context(api.vault).wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    try:
        first = await asyncio.wait_for_ms(admission.handshake(secured, host), _HANDSHAKE_MS)
        connection = HttpConnection(asyncio.StreamReader(secured), first)
        left = _REQUESTS
        limit_ms = _HANDSHAKE_MS
        while left:
            left -= 1
            last = not left
            try:
                request = await asyncio.wait_for_ms(connection.read(), limit_ms)
                limit_ms = _REQUEST_MS
                last = last or not request.lasting
                if request.path.startswith(_API):
                    status, value, more = await asyncio.wait_for_ms(_answer(api, request, host), _ANSWER_MS)
                    # A page that asks once a second keeps its connection; without a login while no other can be made
                    if status == 200 and request.lasting and (request.path != routes.STATE or hold_ups.must_wait()):
                        left = _REQUESTS
                        last = False
                    elif request.path == routes.STATE and left == _LOOKED_ON:
                        admission.viewers.append(asyncio.current_task())
                else:
                    routes.check_host(api, request.fields)
                    status, value, more = await _public(api, request, host)
            except RequestError as error:
                last = last or error.fatal
                status, value, more = error.status, {"error": str(error)}, "Allow: GET\r\n" if error.status == 405 else ""
                if status in (400, 413, 421, 431):  # malformed; the log limits the rate (SEC-13, SEC-22)
                    api.security_log.add(events.INVALID_MESSAGES, "page: " + str(error))
            await written(connection, status, value, more, last)
            if last:
                return
    finally:
        secured.close()


async def written(connection: Any, status: int, value: Any, more: str, last: bool) -> None:
    """Write an answer: bytes of a file, pieces of text, or a JSON object. OSError as HttpConnection.write()."""
    await clock.sleep_ms(0)
    if isinstance(value, bytes):
        await connection.write_file(status, value, more, last)
    elif isinstance(value, list):
        await connection.write(status, value, "", last, more)
    else:
        await connection.write(status, await _pieces(value), more, last)


async def _public(api: LocalApi, request: Request, host: str) -> tuple:
    """Return (status, bytes of a file or pieces of text, header lines) for a path that needs no session."""
    if request.path != _METRICS:
        return page_files.answer(request)
    from charger.local_api import metrics  # 1,500 frozen bytes, for units whose figures are collected

    return await metrics.answer(api, request, host)


async def _answer(api: LocalApi, request: Request, host: str) -> tuple:
    """Return (status, value, header lines); internal errors are logged, never detailed to the client (SEC-10)."""
    try:
        return await routes.answer(api, request, host)
    except (RequestError, MemoryError):
        raise
    except OSError as error:
        log.error("web", log.reason(error))
        raise RequestError(503, "The flash cannot be written or read.")
    except Exception as error:  # noqa: BLE001 - a bug in here is nothing for the client, but for the log
        log.error("web", log.reason(error))
        sys.print_exception(error)
        raise RequestError(500, "Internal error; see the log.")


async def _pieces(value: dict) -> list:
    """Encode JSON in pieces, so that a long list needs no large block of memory."""
    pieces = []
    for name, item in value.items():
        pieces.append(("," if pieces else "{") + json.dumps(name) + ":")
        if isinstance(item, list):
            for number, entry in enumerate(item):
                pieces.append(("," if number else "[") + json.dumps(entry))
                if number % _FEW == 0:
                    await clock.sleep_ms(0)
            pieces.append("]" if item else "[]")
        else:
            pieces.append(json.dumps(item))
    pieces.append("}" if pieces else "{}")
    return pieces
