"""SecantusDB that calls itself by a name of the caller's choice, as a member of a set that lives behind proxies does.

    python named_set.py NAME STORAGE_PATH [CERT_FILE KEY_FILE]

NAME is `host:port`; the port that it really listens on, a free one of 127.0.0.1, is printed.
"""

import sys
import threading

from secantus.server import SecantusDBServer


class NamedServer(SecantusDBServer):
    def __init__(self, name, *args, **options):
        super().__init__(*args, **options)
        host, port = name.rsplit(":", 1)
        self._name = (host, int(port))

    @property
    def address(self):
        return self._name


def main():
    name, storage_path, *tls = sys.argv[1:]
    options = dict(zip(("tls_cert_file", "tls_key_file"), tls))
    server = NamedServer(name, "127.0.0.1", 0, storage_path, cache_size="64M", enable_test_commands=True, **options)
    server.start()
    print(f"listening on {server.host}:{server.port}", flush=True)
    threading.Event().wait()


main()
