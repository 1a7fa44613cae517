"""Taking a pickle out of a file by its own grammar, so that a lie in it cannot ask for memory without end.

Some opcodes state a size or a place in the unpickler's table, and the unpickler makes room before it looks further: a
file of thirty bytes can take all memory of a machine. Only what is read this way goes to an unpickler.
"""

from __future__ import annotations

import pickle
import pickletools
from typing import IO

_TABLE_OPCODES = ('PUT', 'BINPUT', 'LONG_BINPUT')


def read_pickled_bytes(file: IO[bytes]) -> bytes:
    """Return the bytes of the pickle that starts here; the file then stands behind it. Nothing is unpickled.

    :param file: open for reading and seeking.
    :raises ValueError: it is no pickle, or cut short.
    :raises pickle.UnpicklingError: it asks for a place in the unpickler's table that no writer would.
    """
    start = file.tell()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        # Writers number the places one after the other, and every place takes an opcode.
        if opcode.name in _TABLE_OPCODES and isinstance(argument, int) and not 0 <= argument <= count:
            raise pickle.UnpicklingError(f'it asks for place {argument} of a table with at most {count}')
    end = file.tell()
    file.seek(start)
    return file.read(end - start)
