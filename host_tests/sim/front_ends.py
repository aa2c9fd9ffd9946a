"""nginx and mosquitto as TLS servers for the tests, from the packages that the setup unpacks; each in a folder of its own."""

import contextlib
import getpass
import socket
import subprocess

from backend import wait_until
from backend.simulator import ROOT, free_port
from sim.tls_peers import key_of

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv{version}; {mutual}
    location / {{
      proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_read_timeout 1h;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $host;
    }}
  }}
}}
"""
MOSQUITTO = """
listener {port} 127.0.0.1
user {user}
allow_anonymous true
persistence false
certfile {certificate}
keyfile {key}
tls_version tlsv{version}
{mutual}
"""


class FrontEnd:
    """A server's process: `port` once it listens."""

    def __init__(self, program, words, folder, port):
        self.port = port
        self.log = folder / "output.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen([str(ROOT / ".toolchain" / program), *words], cwd=folder,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def __enter__(self):
        try:
            wait_until(self._listens, 10, "the server listening")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def nginx(folder, upstream, certificate, version, roots=None):
    """A TLS front end for a plain back end; with roots it wants certificates of the clients."""
    port = free_port()
    mutual = f"ssl_client_certificate {roots}; ssl_verify_client on;" if roots else ""
    (folder / "nginx.conf").write_text(NGINX.format(
        folder=folder, port=port, upstream=upstream, certificate=certificate, key=key_of(certificate), version=version,
        mutual=mutual))
    return FrontEnd("nginx", ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "early.log")],
                    folder, port)


def mosquitto(folder, certificate, version, roots=None):
    """An MQTT broker."""
    port = free_port()
    mutual = f"cafile {roots}\nrequire_certificate true" if roots else ""
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(
        port=port, certificate=certificate, key=key_of(certificate), version=version, mutual=mutual,
        user=getpass.getuser()))  # started by root it would become somebody who may not read our folder
    return FrontEnd("mosquitto", ["-c", str(folder / "mosquitto.conf")], folder, port)
