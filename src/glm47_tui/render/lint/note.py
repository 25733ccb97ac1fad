"""What the lint says: data, put into words by the faces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from glm47_tui.i18n import Msg


class LintSeverity(str, Enum):
    """``error``: the engine will not start or not work; ``warning``: likely trouble or no effect;
    ``info``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class LintFacts:
    """What is known beside the profile; every field may be unknown (None).

    ``vllm`` and ``vllm_ascend`` are versions found in the container; ``quantized`` tells whether
    the weights on disk are quantised (a quant_model_description.json, or ``quantization_config``
    in config.json); ``parsers`` are tool parsers that the container's vLLM knows.
    """

    vllm: str | None = None
    vllm_ascend: str | None = None
    quantized: bool | None = None
    parsers: frozenset[str] | None = None


@dataclass(frozen=True)
class LintNote:
    """One remark on one setting.

    ``subject`` is the flag, key or variable; ``file`` and ``line`` (from 1) where it stands in the
    rendered files (``line`` 0: nowhere yet); ``replacement`` what to write instead; ``source``
    where the rule comes from.
    """

    id: str
    severity: LintSeverity
    subject: str
    file: str
    line: int
    what: Msg
    replacement: Msg | None = None
    source: str = ""
