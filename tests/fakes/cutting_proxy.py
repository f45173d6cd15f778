"""A TCP proxy that breaks connections in the middle of what they carry."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CHUNK_BYTES = 1 << 16


class CuttingProxy:
    """Passes connections on to a port of this machine until so many bytes have come back, then resets them."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.bytes_back = 0
        """Received from the target so far."""
        self.cut_at: int | None = None
        """Of `bytes_back`: from there on every connection is reset that brings something, until it is lifted."""
        self._target_port = target_port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def accept(self, listener: socket.socket) -> None:
        """Pass on what comes, until the listener is closed."""
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                with self._lock:
                    self._open |= {near, far}
                for source, sink, counted in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pass_on, args=(source, sink), kwargs={"counted": counted}).start()

    def cut(self) -> None:
        """Reset every connection."""
        with self._lock:
            cut, self._open = self._open, set()
        for connection in cut:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _pass_on(self, source: socket.socket, sink: socket.socket, *, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if counted:
                    self.bytes_back += len(chunk)
                    if self.cut_at is not None and self.bytes_back >= self.cut_at:
                        self.cut()
                        return
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def cutting_proxy(target_port: int) -> Iterator[CuttingProxy]:
    """Run a proxy on a port of its own."""
    proxy = CuttingProxy(target_port)
    listener = socket.create_server(("127.0.0.1", 0))
    proxy.port = listener.getsockname()[1]
    thread = threading.Thread(target=proxy.accept, args=(listener,))
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        proxy.cut()
        thread.join()
