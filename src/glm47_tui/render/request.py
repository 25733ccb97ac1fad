"""The guide's verification request: the same text and limit, the profile's name and port."""

from __future__ import annotations

import json
from typing import Any

from glm47_tui.profile import Profile
from glm47_tui.render.templates import fill

QUESTION = "请做一下自我介绍"


def verification_request(profile: Profile) -> dict[str, Any]:
    """Body of the guide's request to ``/v1/chat/completions``."""
    return {
        "model": profile.model.served_name,
        "max_tokens": 10,
        "messages": [{"role": "user", "content": QUESTION}],
    }


def request_json(profile: Profile) -> str:
    """The body as a file."""
    return json.dumps(verification_request(profile), ensure_ascii=False, indent=2) + "\n"


def request_script(profile: Profile) -> str:
    """The guide's curl command as a file: run it on node 0."""
    return fill(
        "verify_request.sh.j2",
        {"port": profile.launch.port, "served_name": profile.model.served_name},
    )
