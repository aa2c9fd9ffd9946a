"""A socket server in a thread of its own, as several tools have one."""

import threading

_POLL_S = 0.05  # how soon it notices that it is to end


class LocalServer:
    """Runs a server of socketserver's kind until close(); `port` is the one that it got."""

    def __init__(self, server):
        self._server = server
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()

    def close(self):
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
