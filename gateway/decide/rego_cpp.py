"""rego-cpp with the process's own allocator; everything else imports `regopy` from here."""

import contextlib
import ctypes

# rego-cpp's wheel brings its own operator new and delete, which part of libstdc++ does not use when another library has
# loaded it before (pyarrow, grpc). What is allocated by one and freed by the other is lost: 200 KB with each decision.
# With libstdc++ in the global scope both sides use its operators.
with contextlib.suppress(OSError):  # no such file where there is no such libstdc++
    ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)

from regopy import Interpreter, rego_shared

__all__ = ["Interpreter", "rego_shared"]
