"""The cache holds the right bytes or none, fetches each file once, and never removes what somebody mounts."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from host import plan
from host.cache import Cache, CacheError, Expired, readme_name
from tests.host.stand_ins import Storage


@pytest.fixture
def storage():
    storage = Storage()
    yield storage
    storage.server.shutdown()
    storage.server.server_close()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 10_000_000)


def dataset(*files, slug="demo", readme="What this is.\n"):
    return plan.dataset_of({"slug": slug, "version": "v1", "readme": readme, "files": list(files)})


def rows(size=100_000, seed=b"x"):
    return hashlib.sha256(seed).digest() * (size // 32)


def test_a_version_is_a_folder_of_its_files_and_a_readme_that_nobody_can_write(cache, storage):
    wanted = dataset(storage.put(b"id\n1\n", "tables/rows.csv"), storage.put(b"x" * 10, "images/a/1.dcm"))

    folder = cache.make_ready(wanted, by="run")

    assert (folder / "tables/rows.csv").read_bytes() == b"id\n1\n"
    assert (folder / "README.md").read_text() == "What this is.\n"
    assert {oct(path.stat().st_mode & 0o777) for path in folder.rglob("*") if path.is_file()} == {"0o444"}
    assert not any(path.stat().st_mode & 0o022 for path in folder.rglob("*"))
    assert "demo" not in str(folder), "the path is seen inside, and names nothing"


def test_the_second_time_nothing_is_fetched(cache, storage):
    wanted = dataset(storage.put(rows()))
    first = cache.make_ready(wanted, by="one")

    assert cache.make_ready(wanted, by="two") == first
    assert len(storage.asked) == 1


def test_a_file_that_several_versions_hold_is_fetched_and_kept_once(cache, storage):
    same = storage.put(rows())
    one = cache.make_ready(dataset(same), by="run")
    two = cache.make_ready(dataset(same, storage.put(b"more", "more.csv"), slug="other"), by="run")

    assert (one / "rows.csv").stat().st_ino == (two / "rows.csv").stat().st_ino
    assert len(storage.asked) == 2


def test_wrong_bytes_are_never_laid_out(cache, storage):
    named = storage.put(rows())
    storage.files[named["sha256"]] = rows(seed=b"y")

    with pytest.raises(CacheError, match="other bytes than its checksum"):
        cache.make_ready(dataset(named), by="run")

    assert list(cache.files.glob("*/*")) == list(cache.partial.iterdir()) == list(cache.versions.iterdir()) == []


def test_more_bytes_than_were_told_are_refused(cache, storage):
    with pytest.raises(CacheError, match="other bytes"):
        cache.make_ready(dataset(storage.put(rows(), size=50)), by="run")


def test_a_file_that_breaks_off_goes_on_where_it_broke(cache, storage):
    named = storage.put(rows())
    storage.broken[named["sha256"]] = 40_000

    folder = cache.make_ready(dataset(named), by="run")

    assert (folder / "rows.csv").read_bytes() == rows()
    assert storage.asked[-1] == (named["sha256"], "bytes=40000-")


def test_a_later_start_goes_on_where_an_earlier_one_was_killed(cache, storage):
    named = storage.put(rows())
    (cache.partial / named["sha256"]).write_bytes(rows()[:30_000])

    folder = cache.make_ready(dataset(named), by="run")

    assert (folder / "rows.csv").read_bytes() == rows()
    assert storage.asked == [(named["sha256"], "bytes=30000-")]


def test_a_storage_without_ranges_is_asked_for_the_whole(cache, storage):
    named = storage.put(rows())
    storage.without_ranges = True
    (cache.partial / named["sha256"]).write_bytes(b"wrong" * 100)

    assert (cache.make_ready(dataset(named), by="run") / "rows.csv").read_bytes() == rows()


def test_an_address_that_grew_old_is_told_apart(cache, storage):
    named = storage.put(rows())
    storage.refused.add(named["sha256"])

    with pytest.raises(Expired):
        cache.make_ready(dataset(named), by="run")


def test_a_storage_that_does_not_answer_is_told_in_words(cache):
    named = {"path": "a", "sha256": "0" * 64, "size": 5, "url": "http://127.0.0.1:9/x?X-Amz-Signature=secret"}

    with pytest.raises(CacheError, match="broke off") as said:
        cache.make_ready(dataset(named), by="run")

    assert "secret" not in str(said.value)


def test_who_wants_the_same_at_the_same_time_waits_for_the_first(cache, storage):
    named = storage.put(rows())
    storage.slow = threading.Event()
    folders = []
    asking = [
        threading.Thread(target=lambda n=number: folders.append(cache.make_ready(dataset(named), by=f"run-{n}")))
        for number in range(5)
    ]
    for one in asking:
        one.start()
    storage.slow.set()
    for one in asking:
        one.join(10)

    assert len(folders) == 5
    assert len(set(folders)) == 1
    assert len(storage.asked) == 1


def test_a_file_that_was_changed_on_the_disk_is_found_and_fetched_anew(cache, storage):
    named = storage.put(rows())
    folder = cache.make_ready(dataset(named), by="run")
    path = folder / "rows.csv"
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"!")

    again = cache.make_ready(dataset(named), by="run")

    assert (again / "rows.csv").read_bytes() == rows()
    assert len(storage.asked) == 2


def test_a_file_that_was_only_touched_is_read_again_and_kept(cache, storage):
    named = storage.put(rows())
    os.utime(cache.make_ready(dataset(named), by="run") / "rows.csv")

    assert (cache.make_ready(dataset(named), by="run") / "rows.csv").read_bytes() == rows()
    assert len(storage.asked) == 1


def test_a_file_that_was_taken_away_comes_back(cache, storage):
    wanted = dataset(storage.put(rows()))
    (cache.make_ready(wanted, by="run") / "rows.csv").unlink()

    assert (cache.make_ready(wanted, by="run") / "rows.csv").exists()


def test_what_nobody_mounts_makes_room_least_recently_wanted_first(tmp_path, storage):
    cache = Cache(tmp_path / "cache", 250_000)
    old, used, new = (dataset(storage.put(rows(seed=name))) for name in (b"a", b"b", b"c"))
    for wanted in (used, old):
        cache.make_ready(wanted, by="over")
    cache.release("over")
    cache.make_ready(used, by="run")  # wanted again
    cache.release("run")

    cache.make_ready(new, by="run")

    assert not cache.path_of(old.files[0].sha256).exists()
    assert cache.path_of(used.files[0].sha256).exists()
    assert cache.used() <= 250_000


def test_what_somebody_mounts_stays_and_the_other_is_told_why(tmp_path, storage):
    cache = Cache(tmp_path / "cache", 150_000)
    held = cache.make_ready(dataset(storage.put(rows(seed=b"a"))), by="run")

    with pytest.raises(CacheError, match="others work with now"):
        cache.make_ready(dataset(storage.put(rows(seed=b"b"))), by="another")

    assert (held / "rows.csv").exists()


def test_what_can_never_fit_is_told_so(tmp_path, storage):
    with pytest.raises(CacheError, match="needs"):
        Cache(tmp_path / "cache", 1000).make_ready(dataset(storage.put(rows())), by="run")


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/full").exists(), reason="needs root to mount a small disk")
def test_a_full_disk_is_told_in_words(tmp_path, storage):
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        with pytest.raises(CacheError, match="disk is full"):
            Cache(small / "cache", 10_000_000).make_ready(dataset(storage.put(rows())), by="run")
    finally:
        subprocess.run(["umount", "-l", small], check=True)


@pytest.mark.parametrize("path", ["../rows.csv", "/etc/passwd", "a//b", "a/./b", "", "a/..", "a\nb", "x" * 300, "a\0b"])
def test_a_path_that_leads_elsewhere_is_no_plan(path):
    with pytest.raises(plan.PlanError):
        dataset({"path": path, "sha256": "0" * 64, "size": 1, "url": "http://x"})


def test_a_path_that_is_a_file_and_a_folder_is_no_plan():
    with pytest.raises(plan.PlanError, match="both"):
        dataset(*({"path": path, "sha256": "0" * 64, "size": 1, "url": "http://x"} for path in ("a", "a/b")))


def test_a_readme_of_the_dataset_itself_is_not_covered():
    own = dataset({"path": "README.md", "sha256": "0" * 64, "size": 1, "url": "http://x"})

    assert readme_name(own) == "README-catalog.md"
    assert readme_name(dataset()) == "README.md"
