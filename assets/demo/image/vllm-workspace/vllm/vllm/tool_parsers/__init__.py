# SPDX-License-Identifier: MIT
"""Tool parsers of the simulated vLLM, by name.

Own code for the glm47-tui demo. It keeps the shape of vLLM 0.13.0 where a patch must find it: a
registry of file and class by parser name, in which the entry of glm45 and the one after it stand
line for line where they stand in 0.13.0. (The patches are applied with no fuzz and no offset; a
line more or less above that entry would make this file one that they are not for.)

What a server does with it:

* ``--tool-call-parser NAME`` must be a key of the registry, or come from a plugin file;
* the file is imported when the parser is first asked for;
* text goes through the parser only with ``--enable-auto-tool-choice``, and only when a request
  brings tools.

Only glm45 can be imported in the simulated image. The other names are there so that the message
about an unknown parser looks as it does with the real one:

    invalid tool call parser: glm47 (chose from { deepseek_v3,deepseek_v31,... })
"""

from vllm.tool_parsers.abstract_tool_parser import ToolParser, ToolParserManager

__all__ = ["ToolParser", "ToolParserManager"]

# Where the files are.
_PACKAGE = "vllm.tool_parsers"


def _register(parsers: dict) -> None:
    """Make parsers known without importing them."""
    for name, (file, class_name) in parsers.items():
        ToolParserManager.register_lazy_module(name, f"{_PACKAGE}.{file}", class_name)


_TOOL_PARSERS_TO_REGISTER = {
    "deepseek_v3": ("deepseekv3_tool_parser", "DeepSeekV3ToolParser"),
    "deepseek_v31": ("deepseekv31_tool_parser", "DeepSeekV31ToolParser"),
    "deepseek_v32": ("deepseekv32_tool_parser", "DeepSeekV32ToolParser"),
    "ernie45": ("ernie45_tool_parser", "Ernie45ToolParser"),
    "glm45": (
        "glm4_moe_tool_parser",
        "Glm4MoeModelToolParser",
    ),
    "granite-20b-fc": (
        "granite_20b_fc_tool_parser",
        "Granite20bFCToolParser",
    ),
    "granite": ("granite_tool_parser", "GraniteToolParser"),
    "hermes": ("hermes_tool_parser", "Hermes2ProToolParser"),
}

_register(_TOOL_PARSERS_TO_REGISTER)
