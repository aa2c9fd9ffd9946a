"""A TCP server on threads, for servers of the tests that speak what no library offers, or speak it wrongly."""

import contextlib
import socket
import threading


def forward(source, sink, limit=None):
    """Send on what arrives, at most `limit` octets; returns then, or when a connection ends."""
    with contextlib.suppress(OSError):
        while limit != 0 and (data := source.recv(4096 if limit is None else limit)):
            sink.sendall(data)
            if limit is not None:
                limit -= len(data)


class TcpServer:
    """Calls serve(connection) on a thread of its own for each connection to `port`, until close()."""

    def __init__(self, serve, port=0):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self):
        """Listen no more, and wait for the end of the thread in accept().

        A thread that still waits there when its socket is closed takes a connection of the next server, whose socket gets
        the same file number: Linux repeats an interrupted accept() with that number (a stopped and continued process).
        """
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
