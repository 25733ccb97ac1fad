"""Logging in: which ways are tried, in which order, and what is said when none works.

Order: the profile's key file, the agent's keys, the usual key files, then passwords or the
server's questions; ``auth`` in the profile narrows that. A server that hangs up after too many
tries (MaxAuthTries) is called again for the rest, a few times at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from glm47_tui.i18n import Msg
from glm47_tui.profile.model import AuthMethod
from glm47_tui.remote import auth, keys
from glm47_tui.remote.api import SecretRequest
from glm47_tui.remote.errors import RemoteError
from glm47_tui.remote.vault import Asker
from glm47_tui.remote.wire import Wire

PASSWORD_TRIES = 3
_CALLS = 4
"""Connections made at most for one login."""
_KEY, _PASSWORD, _QUESTIONS = "publickey", "password", "keyboard-interactive"
_ACCEPTED_WORDS = ("assword", "密码", "口令", "密碼")


@dataclass
class _Try:
    """One request: ``go`` sends it, after ``prepare`` got what it needs (None: nothing to try)."""

    method: str
    label: str
    go: Callable[[Wire], tuple[str, ...]]
    failed: Callable[[], None] = lambda: None


@dataclass
class Login:
    """One login to one host. ``call`` makes a connection whose host key has been verified."""

    user: str
    where: str
    auth: AuthMethod
    identity: str | None
    asker: Asker
    call: Callable[[], Wire]
    note: Callable[[Msg], None]
    used_password: str | None = None
    """The password that opened, for sudo's first try."""
    _tried: list[str] = field(default_factory=list)
    _problem: RemoteError | None = None
    _offered: tuple[str, ...] = ()
    _cut: bool = False
    _wrong: int = 0
    _no_password: bool = False
    _stack: ExitStack = field(default_factory=ExitStack)
    _wire: Wire | None = None
    _calls: int = 0

    def run(self) -> Wire:
        """Return a connection that is logged in; RemoteError says why there is none."""
        done = False
        try:
            with self._stack:
                wire = self._run()
            done = True
            return wire
        finally:
            if not done and self._wire is not None:
                self._wire.close()

    def _run(self) -> Wire:
        if self._ring():
            return self._alive()
        tries = self._tries()
        rounds = 0
        while True:
            attempt = next(tries, None)
            if attempt is None:
                raise self._failure()
            if attempt.method not in self._offered:
                continue
            wanted = self._attempt(attempt)
            if wanted == ():
                return self._alive()
            if wanted is not None:  # one of several steps is done
                rounds += 1
                if rounds > _CALLS:
                    raise self._failure()
                self._offered = wanted
                tries = self._tries()

    def _ring(self) -> bool:
        """Call the server and ask what it offers; True when it lets us in at once."""
        if self._calls >= _CALLS:
            raise self._failure()
        self._calls += 1
        self._wire = self.call()
        try:
            self._offered = auth.none(self._wire, self.user, self.asker.deadline)
        except auth.HungUp:
            raise self._hung_up() from None
        except TimeoutError:
            raise self._late() from None
        return self._offered == ()

    def _alive(self) -> Wire:
        if self._wire is None or not self._wire.is_active():
            raise RemoteError("lost", node=self.asker.node, where=self.where)
        return self._wire

    def _attempt(self, attempt: _Try) -> tuple[str, ...] | None:
        """Send one request: () logged in, methods wanted next, None when it was no use."""
        for again in (False, True):
            if (self._wire is None or not self._wire.is_active()) and self._ring():
                return ()
            try:
                wanted = attempt.go(self._alive())
            except auth.Denied:
                attempt.failed()
                break
            except (auth.Declined, _Skip):
                return None
            except TimeoutError:
                raise self._late() from None
            except auth.HungUp:
                if self._too_many():
                    attempt.failed()
                    break
                # The server may have tired of waiting while a user was thinking: once more.
                if again:
                    raise self._hung_up() from None
                continue
            if not wanted:
                self.note(Msg.of("remote.note.in", where=self.where, method=attempt.label))
            return wanted
        self._tried.append(attempt.label)
        return None

    # What can be tried.

    def _tries(self) -> Iterator[_Try]:
        if self.auth != "password":
            yield from self._key_tries()
        if self.auth in ("auto", "password"):
            yield from self._password_tries()

    def _key_tries(self) -> Iterator[_Try]:
        agent = self._stack.enter_context(keys.agent_keys())
        named = self._named()
        seen: set[bytes] = set()
        ours = [k for k in agent if named is not None and k.blob == named.public]
        later = []
        if named is not None:
            for key in ours:
                seen.add(key.blob)
                yield self._with_key(key, named.name)
            if not ours and named.private:
                yield from self._file(named, seen, explicit=True)
            elif not ours:
                self._blame("agent_without", path=str(named.path))
        if self.auth in ("auto", "agent"):
            for key in agent:
                if key.blob not in seen:
                    seen.add(key.blob)
                    yield self._with_key(key, f"agent: {key.comment or key.get_name()}")
            if not agent and self.auth == "agent":
                self._blame("agent")
        if self.auth != "agent":
            later = [f for f in keys.default_files() if named is None or f != named.path]
        for path in later if named is None or self.auth == "auto" else []:
            try:
                found = keys.examine(path)
            except keys.Unreadable:
                continue
            if found.private and found.public not in seen:
                yield from self._file(found, seen, explicit=False)

    def _named(self) -> keys.KeyFile | None:
        if self.identity is None:
            return None
        path = Path(self.identity).expanduser()
        try:
            return keys.examine(path)
        except keys.Unreadable as error:
            self._blame("key_unreadable", path=str(path), detail=error.reason)
            return None

    def _with_key(self, key: paramiko.PKey, label: str) -> _Try:
        def go(wire: Wire) -> tuple[str, ...]:
            self.note(Msg.of("remote.note.key", where=self.where, key=label))
            return auth.public_key(wire, self.user, key, self.asker.deadline)

        return _Try(_KEY, f"publickey ({label})", go)

    def _file(self, file: keys.KeyFile, seen: set[bytes], *, explicit: bool) -> Iterator[_Try]:
        try:
            key: paramiko.PKey | None = keys.load(file.path, None)
        except keys.Locked:
            key = None
        except keys.Unreadable as error:
            if explicit:
                self._blame("key_unreadable", path=str(file.path), detail=error.reason)
            return
        if key is None:
            if explicit or file.public is not None:
                yield self._locked(file, explicit=explicit)
        elif key.asbytes() not in seen:
            seen.add(key.asbytes())
            yield self._with_key(key, file.name)

    def _locked(self, file: keys.KeyFile, *, explicit: bool) -> _Try:
        """A key that needs its passphrase, asked for only if the server would take the key."""

        def go(wire: Wire) -> tuple[str, ...]:
            if file.public is not None and not auth.would_accept(
                wire, self.user, file.public, self.asker.deadline
            ):
                raise auth.Denied
            key = self._unlock(file.path, explicit=explicit)
            return auth.public_key(wire, self.user, key, self.asker.deadline)

        return _Try(_KEY, f"publickey ({file.name})", go)

    def _unlock(self, path: Path, *, explicit: bool) -> paramiko.PKey:
        for attempt in range(1, PASSWORD_TRIES + 1):
            request = SecretRequest("passphrase", self.asker.node, str(path), attempt=attempt)
            secret = self.asker.secret(request)
            if secret is None:
                break
            try:
                return keys.load(path, secret)
            except keys.Locked:
                self.asker.wrong(request, secret)
            except keys.Unreadable as error:
                self._blame("key_unreadable", path=str(path), detail=error.reason)
                raise _Skip from None
        if explicit:
            self._blame("passphrase", path=str(path))
        raise _Skip

    def _password_tries(self) -> Iterator[_Try]:
        # One of the two: where both are offered, they ask for the same password.
        method = _PASSWORD if _PASSWORD in self._offered else _QUESTIONS
        while self._wrong < PASSWORD_TRIES and not self._no_password:
            before = self._wrong
            if method == _PASSWORD:
                yield self._password_try(before + 1)
            else:
                yield self._questions_try(before + 1)
            if self._wrong == before:
                return

    def _password_try(self, attempt: int) -> _Try:
        request = SecretRequest("password", self.asker.node, self.where, attempt=attempt)
        given: list[str] = []

        def go(wire: Wire) -> tuple[str, ...]:
            if not given:
                secret = self.asker.secret(request)
                if secret is None:
                    self._no_password = True
                    raise _Skip
                given.append(secret)
            if not wire.is_active():
                raise auth.HungUp
            wanted = auth.password(wire, self.user, given[0], self.asker.deadline)
            self.used_password = given[0]
            return wanted

        def failed() -> None:
            self._wrong += 1
            self.asker.wrong(request, given[0])

        return _Try(_PASSWORD, "password", go, failed)

    def _questions_try(self, attempt: int) -> _Try:
        answered: list[tuple[SecretRequest, str]] = []

        def answer(title: str, text: str, prompts: auth.Prompts) -> Sequence[str] | None:
            out = []
            for prompt, echo in prompts:
                is_password = not echo and any(w in prompt for w in _ACCEPTED_WORDS)
                request = SecretRequest(
                    "password" if is_password else "prompt",
                    self.asker.node,
                    self.where,
                    prompt="\n".join(x.strip() for x in (title, text, prompt) if x.strip()),
                    attempt=attempt,
                    echo=echo,
                )
                secret = self.asker.secret(request)
                if secret is None:
                    self._no_password = True
                    return None
                answered.append((request, secret))
                if is_password:
                    self.used_password = secret
                out.append(secret)
            return out

        def go(wire: Wire) -> tuple[str, ...]:
            answered.clear()
            return auth.interactive(wire, self.user, answer, self.asker.deadline)

        def failed() -> None:
            self._wrong += 1
            self.used_password = None
            for request, secret in answered:
                self.asker.wrong(request, secret)

        return _Try(_QUESTIONS, _QUESTIONS, go, failed)

    # What is said when it fails.

    def _blame(self, kind: str, **args: object) -> None:
        if self._problem is None:
            self._problem = RemoteError(
                kind,  # type: ignore[arg-type]
                node=self.asker.node,
                where=self.where,
                **args,
            )

    def _too_many(self) -> bool:
        if self._wire is None:
            return False
        auth.settle(1.0, self._wire)
        cut = "too many" in self._wire.parting_words.lower()
        self._cut = self._cut or cut
        return cut

    def _hung_up(self) -> RemoteError:
        words = self._wire.parting_words if self._wire is not None else ""
        return RemoteError("dropped", node=self.asker.node, where=self.where, detail=words or "-")

    def _late(self) -> RemoteError:
        seconds = round(self.asker.deadline.seconds)
        return RemoteError("timeout", node=self.asker.node, where=self.where, seconds=seconds)

    def _failure(self) -> RemoteError:
        node, where = self.asker.node, self.where
        tried = ", ".join(dict.fromkeys(self._tried)) or "-"
        offered = ", ".join(self._offered) or "-"
        if self._wrong >= PASSWORD_TRIES:
            return RemoteError("password_wrong", node=node, where=where, tries=self._wrong)
        if self._problem is not None:
            return self._problem
        if self._cut:
            return RemoteError("auth_cut", node=node, where=where, tried=tried)
        if self._no_password:
            return RemoteError(
                "password_absent", node=node, where=where, tried=tried, offered=offered
            )
        return RemoteError("auth", node=node, where=where, tried=tried, offered=offered)


class _Skip(Exception):
    """There is nothing to send for this try."""
