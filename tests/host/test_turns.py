"""Starts take turns: never more than may at once, in the order in which they came, and whoever leaves blocks nobody."""

import threading
import time

import pytest

from host.settings import Settings, SettingsError
from host.turns import Turns
from tests.host.conftest import wait


class Gone(Exception):
    pass


def test_no_more_than_may_go_at_once_and_all_have_their_turn():
    turns, going, highest, done = Turns(2), [], [], []
    lock = threading.Lock()

    def work(number):
        with turns.turn(lambda place: None):
            with lock:
                going.append(number)
                highest.append(len(going))
            time.sleep(0.02)
            with lock:
                going.remove(number)
                done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(done) == list(range(12))
    assert max(highest) == 2


def test_who_waits_hears_the_place_and_comes_in_order():
    turns, order = Turns(1), []
    places = {number: [] for number in range(1, 4)}

    def work(number):
        with turns.turn(places[number].append):
            order.append(number)

    with turns.turn(lambda place: None):
        threads = []
        for number in places:
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            wait(lambda n=number: places[n])
        assert [places[number][0] for number in (1, 2, 3)] == [1, 2, 3]
        assert order == []
    for thread in threads:
        thread.join(60)

    assert order == [1, 2, 3]


def test_who_gives_up_while_waiting_or_fails_in_its_turn_blocks_nobody():
    turns = Turns(1)

    def leave(place):
        raise Gone

    with turns.turn(lambda place: None), pytest.raises(Gone), turns.turn(leave):
        raise AssertionError("it was not its turn")
    with pytest.raises(Gone), turns.turn(leave):
        raise Gone
    with turns.turn(leave):
        entered = True

    assert entered


def test_a_machine_offers_what_its_operator_says_and_refuses_nonsense():
    told = {"CAIA_BASE_URL": "http://x", "CAIA_HOST_SECRET": "s", "CAIA_HOME": "/tmp/x"}
    settings = Settings.read(None, told | {"CAIA_WORKSPACE_MEMORY": "2000000000", "CAIA_WORKSPACE_CPUS": "0.5"})

    assert (settings.memory, settings.cpus) == (2_000_000_000, 0.5)
    assert Settings.read(None, told).cpus >= 1
    for name in (
        "CAIA_WORKSPACE_MEMORY", "CAIA_WORKSPACE_CPUS", "CAIA_WORKSPACE_STARTS", "CAIA_CACHE_BYTES",
        "CAIA_DISK_RESERVE",
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=name):
            Settings.read(None, told | {name: "much"})
        with pytest.raises(SettingsError, match=name):
            Settings.read(None, told | {name: "0"})
