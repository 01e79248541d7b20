"""A description checks itself: what can't be meant is refused with words that say what to change."""

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path, PurePosixPath

import pytest

from sandbox import arguments
from sandbox.arguments import Places
from sandbox.plan import Plan, Volume, Watched
from sandbox.spec import MB, Environment, Limits, ReadOnly, SandboxSpec, SocketFolder, SpecError, Writable

GOOD = SandboxSpec(name="one", command=("true",), uid=300_000)
INSIDE = PurePosixPath("/data/demo")


def mount(source="/srv/data", inside="/data/demo"):
    return {"read_only": (ReadOnly(Path(source), PurePosixPath(inside)),)}


BAD = {
    "a name with capitals": ({"name": "One"}, "a-z"),
    "no name": ({"name": ""}, "1 to 50"),
    "a name that ends with a dash": ({"name": "one-"}, "begin and end"),
    "a name of two lines": ({"name": "one\n"}, "a-z"),
    "no command": ({"command": ()}, "command is empty"),
    "an empty program": ({"command": ("",)}, "command is empty"),
    "a zero byte": ({"command": ("true", "a\0b")}, "zero byte"),
    "root": ({"uid": 0}, "nobody else's"),
    "a uid of the system": ({"uid": 999}, "between"),
    "a group of the system": ({"groups": (27,)}, "nothing of the system"),
    "a variable with =": ({"variables": {"A=B": "c"}}, "can't be the name"),
    "a variable with a zero byte": ({"variables": {"A": "\0"}}, "zero byte"),
    "an image by its tag": ({"environment": Environment(image="python:3.12")}, "digest"),
    "no memory": ({"limits": Limits(memory=1)}, "memory"),
    "no programs": ({"limits": Limits(processes=1)}, "processes"),
    "no processor": ({"limits": Limits(cpus=0)}, "cpus"),
    "no time": ({"limits": Limits(seconds=0)}, "seconds"),
    "a quota of a byte": ({"writable": (Writable(Path("/srv/a"), INSIDE, quota=1),)}, "quota"),
    "no files": ({"writable": (Writable(Path("/srv/a"), INSIDE, files=0),)}, "files"),
    "a relative source": (mount(source="data"), "absolute"),
    "a source that climbs": (mount(source="/srv/../etc"), "absolute"),
    "the whole host": (mount(source="/"), "whole host"),
    "a place that climbs": (mount(inside="/data/../etc"), "absolute"),
    "a place of two lines": (mount(inside="/data/a\nb"), "absolute"),
    "over the root": (mount(inside="/"), "absolute"),
    "over the programs": (mount(inside="/usr/local"), "taken"),
    "over the settings": (mount(inside="/etc"), "taken"),
    "over the devices": (mount(inside="/dev/shm"), "taken"),
    "a folder that climbs": ({"folder": PurePosixPath("/data/..")}, "absolute"),
    "two at one place": (
        {**mount(), "sockets": (SocketFolder(Path("/srv/b"), INSIDE),)},
        "lie in one another",
    ),
    "one inside the other": (
        {**mount(), "writable": (Writable(Path("/srv/b"), INSIDE / "deep"),)},
        "lie in one another",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_cannot_be_meant_is_refused_in_words(fault):
    changes, words = BAD[fault]

    with pytest.raises(SpecError, match=words):
        replace(GOOD, **changes)


def test_a_description_cannot_be_changed_afterwards():
    spec = replace(GOOD, variables={"A": "1"})

    with pytest.raises(FrozenInstanceError):
        spec.uid = 0
    with pytest.raises(TypeError):
        spec.variables["A"] = "2"


def test_a_description_does_not_follow_its_makers_dictionary():
    variables = {"A": "1"}
    spec = replace(GOOD, variables=variables)
    variables["A"] = "2"

    assert spec.variables["A"] == "1"
    assert hash(spec) == hash(replace(GOOD, variables={"A": "1"}))


def test_a_plan_survives_its_journey():
    plan = Plan(
        name="one", run="/r", bwrap="/b", words=["--x"], command=["true"], filter="AA", limits=Limits(seconds=3.5),
        uid=300_000, uid_lock=None, stage=None, settings="/s", nothing="/n", memory=[["/m", 1, 2]],
        volumes=[Volume("/i", "/p", MB, 16)], watched=[Watched("/w", "/inside", MB, 16)],
    )  # fmt: skip

    assert Plan.load(plan.dump()) == plan
    assert json.loads(plan.dump())["limits"]["seconds"] == 3.5


def test_the_words_for_bubblewrap_are_those_of_the_design():
    places = Places({}, Path("/s"), Path("/n"), None, None)
    words = arguments.words(replace(GOOD, **mount()), places)

    for needed in (
        ["--unshare-all"], ["--unshare-user"], ["--disable-userns"], ["--die-with-parent"], ["--new-session"],
        ["--clearenv"], ["--cap-drop", "ALL"], ["--uid", "1000"], ["--gid", "1000"], ["--remount-ro", "/"],
        ["--remount-ro", "/dev"], ["--remount-ro", "/proc"], ["--proc", "/proc"],
        ["--ro-bind", "/srv/data", "/data/demo"],
    ):  # fmt: skip
        assert any(words[at : at + len(needed)] == needed for at in range(len(words))), needed
    for never in ("--share-net", "--cap-add", "--dev-bind", "--bind-try", "--perms"):
        assert never not in words
    assert "--bind" not in words


def test_what_is_mounted_cannot_be_taken_for_a_word_of_bubblewrap():
    """A source or variable with a leading dash stands where a value is expected."""
    spec = replace(GOOD, variables={"A": "--share-net"})
    words = arguments.words(spec, Places({}, Path("/s"), Path("/n"), None, None))
    at = words.index("--share-net")

    assert words[at - 2 : at] == ["--setenv", "A"]
