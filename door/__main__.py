"""Reads the command line of ./caia and hands over to what does the work."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import traceback

from door import say
from door.home import PYTHON, REPO, main_home
from door.say import Trouble

WORDS = """\
caia: the only front door

  ./caia up [--wait] [--port N]   start everything and stay; --wait returns when it is ready
  ./caia down                     stop everything
  ./caia status [--json]          each part's state and address
  ./caia logs [part] [-f]         what the parts wrote; -f follows
  ./caia demo                     how to sign in as each demo person
  ./caia shell                    Django's shell on the running copy
  ./caia test [--long] [path …]   all tests with services of their own; more words go to pytest
  ./caia check                    style, types, contracts, migrations
  ./caia fix                      put right what can be put right by a tool
  ./caia bench [name] [--json]    measure, on a database of its own
  ./caia environment [name]       build what researchers work in, from its lock; without a name, list them
  ./caia help                     this

Everything it keeps lies in ./var, or where CAIA_HOME points: two copies run side by side.
The first up also builds what researchers work in, once the portal answers. CAIA_WORKSPACES=off leaves workspaces out.
DATABASE_URL, REDIS_URL or S3_ENDPOINT_URL in the environment: that part is used and not started.
"""


def main(words: list[str]) -> int:
    """Run one verb; a Trouble becomes one plain sentence and a way out."""
    try:
        return _run(words)
    except Trouble as trouble:
        print(f"\ncaia: {trouble.what}", file=sys.stderr)
        if trouble.way_out:
            print(f"      {trouble.way_out}", file=sys.stderr)
        say.log.error("%s | %s", trouble.what, trouble.way_out)
        return 1
    except KeyboardInterrupt:
        print("\ncaia: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 the outer edge: no traceback reaches the person
        say.log.error("%s", traceback.format_exc())
        print(f"\ncaia: this should not have happened: {type(error).__name__}: {error}", file=sys.stderr)
        print(
            f"      The details are in {main_home().log / 'door.log'}; please send them to the maintainers.",
            file=sys.stderr,
        )
        return 1


def _run(words: list[str]) -> int:
    verb, rest = (words[0], words[1:]) if words else ("help", [])
    if verb in ("help", "-h", "--help"):
        print(WORDS, end="")
        return 0
    verbs = {
        "up": _up,
        "down": _down,
        "status": _status,
        "logs": _logs,
        "test": _test,
        "check": _check,
        "fix": _fix,
        "bench": _bench,
        "environment": _environment,
        "demo": _demo,
        "shell": _shell,
    }
    if verb not in verbs:
        raise Trouble(f"there is no command '{verb}'.", "./caia help names them all.")
    home = main_home()
    home.make()
    say.keep_log(home.log)
    say.log.info("caia %s (uid %s, Python %s)", " ".join(words), os.geteuid(), sys.version.split()[0])
    return verbs[verb](rest)


def _options(verb: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"./caia {verb}", allow_abbrev=False)


def _up(words: list[str]) -> int:
    from door import up

    options = _options("up")
    options.add_argument("--wait", action="store_true", help="return when everything answers, and leave it running")
    options.add_argument("--port", type=int, help="the port of the portal's pages")
    wish = options.parse_args(words)
    return up.up(wait=wish.wait, port=wish.port)


def _down(words: list[str]) -> int:
    from door import up

    _options("down").parse_args(words)
    return up.down()


def _status(words: list[str]) -> int:
    from door import status

    options = _options("status")
    options.add_argument("--json", action="store_true")
    return status.show(as_json=options.parse_args(words).json)


def _logs(words: list[str]) -> int:
    from door import status

    options = _options("logs")
    options.add_argument("part", nargs="?", default="")
    options.add_argument("-f", "--follow", action="store_true")
    options.add_argument("-n", "--lines", type=int, default=40)
    wish = options.parse_args(words)
    return status.logs(wish.part, follow=wish.follow, lines=wish.lines)


def _test(words: list[str]) -> int:
    from door import python_parts, trial

    python_parts.make_ready()
    return trial.run_tests([word for word in words if word != "--long"], is_long="--long" in words)


def _bench(words: list[str]) -> int:
    from door import python_parts, trial

    if "--json" in words:
        say.progress_to_stderr()
    python_parts.make_ready()
    return trial.run_bench(words)


def _environment(words: list[str]) -> int:
    from door import environments

    options = _options("environment")
    options.add_argument("name", nargs="?", default="", help="such as python-cancer or python-cancer+torch-cpu")
    options.add_argument("--json", action="store_true", help="say what it is as JSON")
    options.add_argument("--verify", action="store_true", help="read a built one again and compare")
    wish = options.parse_args(words)
    if not wish.name:
        return environments.show_all()
    if wish.verify:
        return environments.verify(wish.name)
    if wish.json:
        say.progress_to_stderr()
    return environments.show(wish.name, as_json=wish.json)


def _check(words: list[str]) -> int:
    from door import checks, python_parts

    _options("check").parse_args(words)
    python_parts.make_ready()
    return checks.check()


def _fix(words: list[str]) -> int:
    from door import checks, python_parts

    _options("fix").parse_args(words)
    python_parts.make_ready()
    return checks.fix()


def _demo(words: list[str]) -> int:
    from door import up

    _options("demo").parse_args(words)
    return up.show_people()


def _shell(words: list[str]) -> int:
    from door import up

    ground = up.standing_ground()
    return subprocess.run(
        [PYTHON, "manage.py", "shell", *words], cwd=REPO, env=ground.process_environment(), check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
