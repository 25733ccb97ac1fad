"""What can go wrong between this machine and a node, by kind, each with its own words."""

from __future__ import annotations

from typing import Any, Literal

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

Kind = Literal[
    "dns",  # the name has no address
    "refused",  # nothing listens there
    "timeout",  # no answer in time
    "unreachable",  # no route, or another refusal of the network
    "protocol",  # what answers speaks no SSH that fits
    "auth",  # all ways of logging in failed
    "password_wrong",  # the password was refused as often as it is asked for
    "password_absent",  # a password is needed, and nobody gave one
    "auth_cut",  # the server hung up: too many attempts
    "key_unknown",  # host key nobody vouched for
    "key_changed",  # host key differs from the known one
    "key_revoked",  # host key marked @revoked
    "key_unsaved",  # the accepted host key could not be remembered
    "key_unreadable",  # the identity file cannot be used
    "passphrase",  # the identity file's passphrase is missing or wrong
    "agent",  # auth = "agent", and there is no agent or it holds no key
    "agent_without",  # only a public key is named, and the agent holds no private half
    "dropped",  # the server hung up before the login was done
    "jump_forbidden",  # the jump host forwards nothing
    "jump",  # the jump host works, the way on from it does not
    "lost",  # the connection broke
    "limit",  # a command took longer than it may
    "cancelled",  # ended on request
    "sudo",  # sudo's password was refused as often as it is asked for
    "sudo_password",  # sudo wants a password, and nobody gave one
    "sudo_absent",  # no sudo on the node
    "sudo_denied",  # this user may not use sudo
    "sudo_tty",  # sudo wants a terminal
    "no_bash",  # no bash, or the login shell runs no commands
    "sessions",  # the server allows no further session
    "exec",  # the server refused the command
    "push",  # a small file could not be written on the node
    "transfer",  # a large file could not be copied
    "forward",  # a port could not be forwarded
    "closed",  # used after close()
    "internal",  # a fault of this program
]


class RemoteError(UserError):
    """A failure of connecting, logging in, or running something on a node.

    ``kind`` is for programs; ``what``, ``why`` and ``fix`` are the messages
    ``remote.<kind>.what`` and so on, and never hold a secret.
    """

    exit_code = Exit.UNREACHABLE

    def __init__(self, kind: Kind, *, node: str | None = None, **args: Any) -> None:
        super().__init__(
            Msg(f"remote.{kind}.what", args),
            why=Msg(f"remote.{kind}.why", args),
            fix=Msg(f"remote.{kind}.fix", args),
            node=node,
            exit_code=Exit.INTERRUPTED if kind == "cancelled" else None,
        )
        self.kind: Kind = kind
