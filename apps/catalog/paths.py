"""Paths of files within a dataset: what they may be called, how they are opened, what kind of file they name."""

import mimetypes
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from apps.core.errors import Invalid

LONGEST = 500  # characters
ODD = re.compile(r"(^/|(^|/)\.\.?(/|$)|//|/$|\\|[\x00-\x1f\x7f])")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not keep us waiting

# What the fields' own tools write, which no table of the web knows.
KINDS = {
    ".bam": "application/vnd.ga4gh.bam",
    ".bai": "application/octet-stream",
    ".tbi": "application/octet-stream",
    ".cram": "application/vnd.ga4gh.cram",
    ".csv": "text/csv",
    ".dcm": "application/dicom",
    ".fastq": "text/plain",
    ".maf": "text/tab-separated-values",
    ".md": "text/markdown",
    ".nii": "application/x-nifti",
    ".ome.tiff": "image/tiff",
    ".parquet": "application/vnd.apache.parquet",
    ".rsem.genes.normalized_results": "text/tab-separated-values",
    ".seg": "text/tab-separated-values",
    ".svs": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".vcf": "text/x-vcf",
    ".xml": "application/xml",
}


def demand_inside(path: str) -> str:
    """The path, if it stays inside its folder and can be told apart by reading it; else raises Invalid."""
    if not path or len(path) > LONGEST or ODD.search(path) or not path.isprintable():
        raise Invalid(
            fields={
                "uploads": f"“{path[:80]}” can't be a file's path here. Use plain relative paths without “..”, "
                f"backslashes or hidden characters, of at most {LONGEST} characters."
            }
        )
    return path


def open_inside(folder: Path, path: str) -> BinaryIO:
    """Open a plain file below the folder; links and special files on the way or at the end raise Invalid."""
    *above, name = PurePosixPath(demand_inside(path)).parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in above:
            inner = os.open(part, FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        handle = os.open(name, FILE, dir_fd=at)
    except FileNotFoundError as error:
        raise Invalid(f"{path} is named in the manifest and not in the folder.") from error
    except OSError as error:
        raise Invalid(f"{path} is no plain file inside the folder: links and special files are not taken.") from error
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Invalid(f"{path} is no plain file: links and special files are not taken.")
    return os.fdopen(handle, "rb", buffering=0)


def media_type_of(path: str) -> str:
    """What kind of file the name says it is; a compressed one by what is inside, as the name goes on."""
    name = PurePosixPath(path).name.lower()
    inner = name.removesuffix(".gz")
    for ending, kind in KINDS.items():
        if inner.endswith(ending):
            return f"{kind}+gzip" if inner != name else kind
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
