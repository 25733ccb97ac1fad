"""The launch script: environment and flags of ``vllm serve``, in the guide's order.

One host and one engine is no data parallel: then all ``--data-parallel-*`` flags are left out. One
host with several engines needs the sizes only (vLLM 0.13.0 then shakes hands over a local socket).
IPv6 addresses need ``HCCL_SOCKET_FAMILY`` beside the NIC (CANN's envref: IPv4 is the default).
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from glm47_tui.profile import Profile
from glm47_tui.profile.model import GUIDE_ADDITIONAL_CONFIG
from glm47_tui.render.known import dead_env, dead_keys
from glm47_tui.render.templates import fill

TOOL_PLUGIN = "glm47_tool_parser_plugin.py"
REASONING_PLUGIN = "glm47_reasoning_parser_plugin.py"

# As printed for node 0 and for node 1: the guide's own blanks.
_GUIDE_CONFIG_TEXT = (
    '{"enable_multistream_moe":false, "chunked_prefill_for_mla":true, '
    '"ascend_scheduler_config":{"enabled":true}, "enable_weight_nz_layout":true}',
    '{"enable_multistream_moe":false,"chunked_prefill_for_mla":true,'
    '"ascend_scheduler_config":{"enabled":true}, "enable_weight_nz_layout":true}',
)


def job_name(index: int) -> str:
    """Name of a node's launch script without its ending; also of its log."""
    return f"glm_47_infer_node{index}"


def guide_env(profile: Profile) -> dict[str, str]:
    """The environment variables that the guide exports, beside addresses and NICs.

    Inside a container that was given some of the NPUs they count from 0 (CANN's "logical ids";
    gpustack#3352 shows the error for a number of the host's).
    """
    return {
        "OMP_PROC_BIND": "false",
        "ASCEND_RT_VISIBLE_DEVICES": ",".join(map(str, range(len(profile.container.devices)))),
        "OMP_NUM_THREADS": "1",
        "PYTORCH_NPU_ALLOC_CONF": "expandable_segments:True",
        "VLLM_USE_V1": "1",
        "HCCL_BUFFSIZE": "1024",
        "HCCL_OP_EXPANSION_MODE": "AIV",
    }


def environment(profile: Profile) -> dict[str, str]:
    """What the launch script exports: the guide's, the profile's over it, dead ones dropped."""
    env = {**guide_env(profile), **profile.launch.env}
    if profile.improvements.drop_dead:
        dead = dead_env(profile)
        env = {name: value for name, value in env.items() if name not in dead}
    return env


def additional_config(profile: Profile) -> dict[str, Any]:
    """What ``--additional-config`` holds; empty: the flag is left out."""
    config = profile.launch.additional_config
    if profile.improvements.drop_dead:
        dead = dead_keys(profile)
        config = {key: value for key, value in config.items() if key not in dead}
    return config


def reasoning_parser(profile: Profile) -> str:
    """Name of the reasoning parser; as a plugin it is ``glm47``: vLLM's own glm45 stays."""
    launch = profile.launch
    if launch.parsers == "plugin" and launch.reasoning_parser == "glm45":
        return "glm47"
    return launch.reasoning_parser


def selftest_args(profile: Profile) -> str:
    """More words for selftest.py: parser names, where they are not its own defaults."""
    out = ""
    if profile.launch.tool_call_parser != "glm47":
        out += f" --tool-parser {profile.launch.tool_call_parser}"
    if reasoning_parser(profile) != "glm45":
        out += f" --reasoning-parser {reasoning_parser(profile)}"
    return out


def flags(profile: Profile, index: int) -> tuple[str, ...]:
    """Flags of ``vllm serve`` on one node, a line each, quoted for the shell."""
    launch = profile.launch
    out = [
        f"--host {launch.host}",
        f"--port {launch.port}",
        *_data_parallel(profile, index),
        f"--tensor-parallel-size {launch.tensor_parallel}",
    ]
    if launch.expert_parallel:
        out.append("--enable-expert-parallel")
    out += _parsers(profile)
    out += [
        "--enable-auto-tool-choice",
        f"--served-model-name {profile.model.served_name}",
        f"--max-model-len {launch.max_model_len}",
        f"--max-num-batched-tokens {launch.max_num_batched_tokens}",
        f"--max-num-seqs {launch.max_num_seqs}",
    ]
    if launch.trust_remote_code:
        out.append("--trust-remote-code")
    out.append(f"--gpu-memory-utilization {launch.gpu_memory_utilization:g}")
    if launch.quantization:
        out.append(f"--quantization {launch.quantization}")
    config = additional_config(profile)
    if config:
        out.append(f"--additional-config '{_config_text(config, index)}'")
    return (*out, *_extra(launch.extra_args))


def _data_parallel(profile: Profile, index: int) -> list[str]:
    launch = profile.launch
    if profile.data_parallel == 1:
        return []
    sizes = [
        f"--data-parallel-size {profile.data_parallel}",
        f"--data-parallel-size-local {launch.data_parallel_local}",
    ]
    if len(profile.nodes) == 1:
        return sizes
    port = f"--data-parallel-rpc-port {launch.rpc_port}"
    if index == 0:
        return [*sizes, "--data-parallel-address ${local_ip}", port]
    rank = index * launch.data_parallel_local
    return [
        *sizes,
        f"--data-parallel-start-rank {rank}",
        "--headless",
        "--data-parallel-address ${node0_ip}",
        port,
    ]


def _parsers(profile: Profile) -> list[str]:
    launch = profile.launch
    out = [
        f"--tool-call-parser {launch.tool_call_parser}",
        f"--reasoning-parser {reasoning_parser(profile)}",
    ]
    if launch.parsers == "plugin":
        folder = f"{profile.base_dir_inside}/patches"
        out.insert(1, f"--tool-parser-plugin {folder}/{TOOL_PLUGIN}")
        out.append(f"--reasoning-parser-plugin {folder}/{REASONING_PLUGIN}")
    return out


def _config_text(config: dict[str, Any], index: int) -> str:
    if config == GUIDE_ADDITIONAL_CONFIG:
        return _GUIDE_CONFIG_TEXT[min(index, 1)]
    return json.dumps(config, ensure_ascii=False, separators=(", ", ":"))


def _extra(words: tuple[str, ...]) -> list[str]:
    """Put each flag and its values on one line."""
    lines: list[str] = []
    for word in words:
        if word.startswith("--") or not lines:
            lines.append(shlex.quote(word))
        else:
            lines[-1] += " " + shlex.quote(word)
    return lines


def launch_script(profile: Profile, index: int) -> str:
    """Text of ``glm_47_infer_node<index>.sh``."""
    node = profile.nodes[index]
    return fill(
        "glm_47_infer.sh.j2",
        {
            "index": index,
            "nic": node.nic,
            "ip": node.ip,
            "head_ip": profile.head.ip,
            "ipv6": ":" in node.ip,
            "model_path": profile.inside(profile.model_path(index)),
            "env": list(environment(profile).items()),
            "flags": flags(profile, index),
        },
    )
