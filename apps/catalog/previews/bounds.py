"""How much a preview may take, and what a parser raises when bytes are rubbish."""

import resource
import struct
import zlib

MOST_PIXELS = 64 * 1024**2  # read at once, to make a picture
MOST_FILE_BYTES = 1024**3
LONGEST_SIDE = 512  # of a picture shown
MEMORY, WRITTEN, OPEN_FILES = 2 * 1024**3, 8 * 1024**2, 256

# Libraries for images and DICOM let many of these through when a file lies about itself.
RUBBISH = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def limit_this_process(seconds: int) -> None:
    """Bound memory, processor time and what is written, before the first byte is parsed; there is no way back."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, WRITTEN),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
