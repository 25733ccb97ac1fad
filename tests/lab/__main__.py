"""Command line of the lab: ``python -m tests.lab VERB``. See docs/lab.md."""

from __future__ import annotations

import argparse
import os
import sys

from tests.lab.kit import faults, host, prepare
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import BOOTED, NODES, Layout
from tests.lab.kit.layout import host as host_named

SHELL = ["env", "-i", "HOME=/root", f"TERM={os.environ.get('TERM', 'xterm')}", "bash", "-l"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description="Two real hosts, a jump host and a desk on this machine.",
    )
    parser.add_argument("--name", default="play", help="which lab (default: play)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare", help="fetch and build what is missing")
    verbs.add_parser("up", help="bring the lab up, print how to use it, leave it running")
    verbs.add_parser("down", help="take the lab away")
    verbs.add_parser("status", help="what is running")
    verbs.add_parser("profile", help="print the profile for the lab")
    enter = verbs.add_parser("enter", help="a shell (or a command) on a host, past sshd")
    enter.add_argument("host", choices=[*(h.name for h in BOOTED), "desk"])
    enter.add_argument("command", nargs=argparse.REMAINDER)
    desk = verbs.add_parser("desk", help="run a command where the tool's machine stands")
    desk.add_argument("command", nargs=argparse.REMAINDER)
    fault = verbs.add_parser("fault", help="make a node's hardware fail", epilog=faults.HELP,
                             formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    fault.add_argument("host", choices=[h.name for h in NODES])
    fault.add_argument("faults", nargs="*", metavar="FAULT=VALUE|clear")
    power = verbs.add_parser("power", help="cut a host's power, or boot it again")
    power.add_argument("host", choices=[h.name for h in BOOTED])
    power.add_argument("state", choices=["off", "on"])
    return parser.parse_args()


def _up(lab: Lab) -> None:
    prepare.prepare()
    lab.up()
    print(
        f"\nprofile:   {lab.profile}\n"
        f"password:  {lab.password}   (user ops on every host, for sudo too)\n"
        f"deploy:    python -m tests.lab desk .venv/bin/glm47-tui replay {lab.profile} --yes\n"
        f"look:      python -m tests.lab enter node0\n"
        f"faults:    python -m tests.lab fault node1 alarm=3\n"
        f"take away: python -m tests.lab down\n"
    )


def _exec(words: list[str]) -> None:
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606 - no shell is wanted


def main() -> None:
    """Run one verb."""
    args = _arguments()
    lab = Lab(Layout(args.name))
    try:
        _verb(lab, args)
    except (prepare.NotPossible, RuntimeError) as error:
        sys.exit(f"lab: {error}")


def _verb(lab: Lab, args: argparse.Namespace) -> None:
    match args.verb:
        case "prepare":
            prepare.prepare()
        case "up":
            _up(lab)
        case "down":
            sys.exit(1 if lab.down() else 0)
        case "status":
            print("".join(f"{name:8} {line}\n" for name, line in lab.status().items()), end="")
        case "profile":
            print(lab.profile.read_text(), end="")
        case "enter":
            _exec([*host.inside(lab.layout, host_named(args.host)), *(args.command or SHELL)])
        case "desk":
            _exec([*lab.desk(), *(args.command or ["bash"])])
        case "fault":
            print(faults.change(lab, args.host, args.faults), end="")
        case "power":
            _power(lab, args.host, args.state)


def _power(lab: Lab, name: str, state: str) -> None:
    if state == "off":
        lab.kill(name)
    else:
        lab.boot(host_named(name))


main()
