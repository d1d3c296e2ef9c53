"""Reads one pickle a line (base64) and prints for each whether an unpickler of Python called, or gave away, what the pickle imports."""

import base64
import io
import pickle
import resource
import sys

# A pickle may ask for any amount of memory.
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def calls(unpickler, data):
    seen = {"imported": False, "called": False}

    class Imported:
        def __new__(cls, *args, **kwargs):
            seen["called"] = True
            return object.__new__(cls)

        def __init__(self, *args, **kwargs):
            pass

        def __call__(self, *args, **kwargs):
            return Imported()

    class Watched(unpickler):
        def find_class(self, module, name):
            # Nothing that could be imported has such a name.
            if any(ord(character) < 32 or ord(character) == 127 for character in module + name):
                raise ImportError(module)
            seen["imported"] = True
            return Imported

        def persistent_load(self, pid):
            return pid

    try:
        Watched(io.BytesIO(data)).load()
    except Exception:
        return seen["called"]
    return seen["called"] or seen["imported"]


for line in sys.stdin:
    data = base64.b64decode(line)
    print(int(any(calls(unpickler, data) for unpickler in (pickle.Unpickler, pickle._Unpickler))))
