"""The app in a real terminal (tmux), driven by keys and read from the screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import time


class Terminal:
    """One tmux server with one window; ends with ``close``."""

    def __init__(self, name: str, words: list[str], env: dict[str, str], size: str = "120x40"):
        self.server = ["tmux", "-L", f"g47-{name}-{os.getpid()}", "-f", "/dev/null"]
        width, height = size.split("x")
        setting = [f"{k}={v}" for k, v in env.items()]
        command = shlex.join(["env", "-i", *setting, *words])
        subprocess.run(
            [*self.server, "new-session", "-d", "-x", width, "-y", height, command],
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        # The last screen stays readable when the app has ended.
        subprocess.run([*self.server, "set", "-g", "remain-on-exit", "on"], check=True)

    @property
    def screen(self) -> str:
        """What a person sees now."""
        done = subprocess.run(
            [*self.server, "capture-pane", "-p"], capture_output=True, text=True, check=False
        )
        return done.stdout

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names (C-n, Enter, F4) or as text."""
        subprocess.run([*self.server, "send-keys", *names], check=True)

    def type(self, text: str) -> None:
        """Type text as it stands."""
        subprocess.run([*self.server, "send-keys", "-l", text], check=True)

    def sees(self, *texts: str, limit: float = 120) -> str:
        """Wait until one of the texts is on the screen; returns which."""
        end = time.monotonic() + limit
        while True:
            screen = self.screen
            for text in texts:
                if text in screen:
                    return text
            if time.monotonic() > end:
                wanted = " or ".join(map(repr, texts))
                raise AssertionError(f"not seen in {limit:.0f} s: {wanted}\n{screen}")
            time.sleep(0.1)

    def close(self) -> None:
        """End the app and the terminal."""
        subprocess.run([*self.server, "kill-server"], capture_output=True, check=False)
