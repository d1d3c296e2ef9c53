"""Lists what tarfile, and libarchive where it is there, read of each archive: names and contents, or why they do not read it."""
import ctypes
import ctypes.util
import json
import locale
import sys
import tarfile


def plain(name):
    return (name[2:] if name.startswith("./") else name).rstrip("/")


def by_tarfile(path):
    found = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for entry in archive:
                name = plain(entry.name)
                if entry.isdir():
                    if name not in ("", "."):
                        found[name + "/"] = ""
                elif entry.isfile():
                    found[name] = archive.extractfile(entry).read().decode()
                else:
                    found[name] = "other type"
    except tarfile.TarError as error:
        return repr(error)
    return found


def libarchive():
    name = ctypes.util.find_library("archive") or "libarchive.so.13"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    pointer = ctypes.c_void_p
    for function, result, arguments in [
        ("read_new", pointer, []),
        ("read_support_format_tar", ctypes.c_int, [pointer]),
        ("read_open_filename", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
        ("read_next_header", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
        ("entry_pathname", ctypes.c_char_p, [pointer]),
        ("entry_filetype", ctypes.c_uint, [pointer]),
        ("read_data", ctypes.c_ssize_t, [pointer, pointer, ctypes.c_size_t]),
        ("error_string", ctypes.c_char_p, [pointer]),
        ("read_free", ctypes.c_int, [pointer]),
    ]:
        found = getattr(library, "archive_" + function)
        found.restype = result
        found.argtypes = arguments
    return library


def by_libarchive(library, path):
    archive, entry, found = library.archive_read_new(), ctypes.c_void_p(), {}
    try:
        library.archive_read_support_format_tar(archive)
        if library.archive_read_open_filename(archive, path.encode(), 10240) != 0:
            return str(library.archive_error_string(archive))
        while True:
            result = library.archive_read_next_header(archive, ctypes.byref(entry))
            if result == 1:
                return found
            # -20 is a warning.
            if result not in (0, -20):
                return str(library.archive_error_string(archive))
            name = plain((library.archive_entry_pathname(entry) or b"").decode())
            kind = library.archive_entry_filetype(entry)
            if kind == 0o040000:
                if name not in ("", "."):
                    found[name + "/"] = ""
                continue
            buffer = ctypes.create_string_buffer(1 << 16)
            length = library.archive_read_data(archive, buffer, 1 << 16)
            found[name] = buffer.raw[:length].decode() if kind == 0o100000 else "other type"
    finally:
        library.archive_read_free(archive)


locale.setlocale(locale.LC_ALL, "C.UTF-8")
LIBRARY = libarchive()
print(json.dumps([[by_tarfile(path), by_libarchive(LIBRARY, path) if LIBRARY else None] for path in sys.argv[1:]]))
