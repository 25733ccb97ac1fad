"""Errors a user can meet. Each says what, where, why and what to do, and has an exit code."""

from __future__ import annotations

from enum import IntEnum

from glm47_tui.i18n import Msg, sentences, t


class Exit(IntEnum):
    """Exit codes of every verb, by kind of failure."""

    OK = 0
    USAGE = 2
    UNREACHABLE = 3
    CHECK_FAILED = 4
    DEPLOY_FAILED = 5
    VERIFY_FAILED = 6
    INTERRUPTED = 130


class UserError(Exception):
    """An expected failure, shown without a traceback.

    ``what`` says what happened and where, ``why`` the likely cause, ``fix`` what to do.
    """

    exit_code: Exit = Exit.DEPLOY_FAILED

    def __init__(
        self,
        what: Msg,
        *,
        why: Msg | None = None,
        fix: Msg | None = None,
        node: str | None = None,
        exit_code: Exit | None = None,
    ) -> None:
        super().__init__(what.id)
        self.what = what
        self.why = why
        self.fix = fix
        self.node = node
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        said = sentences(*(t(m) for m in (self.what, self.why, self.fix) if m is not None))
        return t("app.at_node", node=self.node, said=said) if self.node else said


class ProfileProblem(UserError):
    """A profile that cannot be used."""

    exit_code = Exit.USAGE


class CheckFailed(UserError):
    """A check found a blocker."""

    exit_code = Exit.CHECK_FAILED


class DeployFailed(UserError):
    """A deployment step failed."""

    exit_code = Exit.DEPLOY_FAILED


class VerifyFailed(UserError):
    """The service is up, yet its answers are wrong."""

    exit_code = Exit.VERIFY_FAILED
