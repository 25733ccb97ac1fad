"""The profile: every wish as a typed field. Defaults are the guide's values.

Source of the defaults: the deployment guide (two Atlas 800T A2 hosts, vLLM 0.13.0, vllm-ascend
0.13.0rc1) and its errata.
"""

from __future__ import annotations

import json
import posixpath
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import Self

from glm47_tui.profile.fields import (
    AbsPath,
    ContainerName,
    EnvName,
    Host,
    ImageRef,
    IpAddress,
    Jump,
    LocalPath,
    MemorySize,
    Nic,
    Number,
    Port,
    ProfileName,
    RepoId,
    ScriptText,
    ScriptWord,
    ServedName,
    Switch,
    User,
    Whole,
    bad,
)

SCHEMA: Final = 1
"""Version of the profile's file format."""

GUIDE_ADDITIONAL_CONFIG: dict[str, Any] = {
    "enable_multistream_moe": False,
    "chunked_prefill_for_mla": True,
    "ascend_scheduler_config": {"enabled": True},
    "enable_weight_nz_layout": True,
}
"""What the guide passes; none of the four is read by vllm-ascend 0.13.0rc1 (errata 10)."""

AuthMethod = Literal["auto", "agent", "key", "password"]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=False,
        populate_by_name=True,
    )


class ModelSpec(_Part):
    """Which model, and where its files lie on each host."""

    repo: RepoId = "ZhipuAI/GLM-4.7"
    """ModelScope repository, owner/name."""
    path: AbsPath = "/opt/data/verification/models/GLM-4.7"
    """Folder of the weights on each host (a host path, below the data mount)."""
    served_name: ServedName = "glm47"
    """Model name that API requests use."""


class ContainerSpec(_Part):
    """The container that the engine runs in."""

    name: ContainerName = "vllm-ascend-v0.13.0rc1"
    """Container name, the same on all hosts."""
    image: ImageRef = "quay.io/ascend/vllm-ascend:v0.13.0rc1"
    """Image reference (tag, digest or id)."""
    data_mount: AbsPath = "/opt/data"
    """Host folder that the container sees."""
    data_mount_inside: AbsPath = "/root/.cache"
    """Where the container sees it."""
    shm_size: MemorySize = "1g"
    """Size of /dev/shm in the container (Docker's own default is 64 MB)."""
    devices: Annotated[tuple[Annotated[Whole, Field(ge=0, le=63)], ...], Field(min_length=1)] = (
        0, 1, 2, 3, 4, 5, 6, 7,
    )  # fmt: skip
    """Numbers of the NPUs given to the container (/dev/davinciN)."""


class SshSpec(_Part):
    """How to log in. Secrets are asked for when needed and kept nowhere."""

    user: User = "root"
    """Login name."""
    port: Port = 22
    """TCP port of sshd."""
    auth: AuthMethod = "auto"
    """How to log in: auto tries the agent, keys, then a password."""
    identity: LocalPath | None = None
    """Private key file on this machine."""
    jump: Jump | None = None
    """Jump host, user@host:port."""
    sudo: Switch | None = None
    """Run commands through sudo; unset: when the login is not root."""
    known_hosts: LocalPath | None = None
    """A known_hosts file to trust besides ~/.ssh/known_hosts."""
    host_keys: dict[str, ScriptText] = {}
    """Pinned host key fingerprints, "host:port" = "SHA256:..."."""


class SshOverride(_Part):
    """What one node does otherwise than [ssh] says."""

    user: User | None = None
    """Login name on this node."""
    port: Port | None = None
    """TCP port of sshd on this node."""
    auth: AuthMethod | None = None
    """How to log in to this node."""
    identity: LocalPath | None = None
    """Private key file for this node."""
    jump: Jump | Literal[""] | None = None
    """Jump host of this node; empty: none."""
    sudo: Switch | None = None
    """Run commands through sudo on this node."""


class NodeSpec(_Part):
    """One host. The first is the head: it serves the API."""

    host: Host
    """Name or address to log in to."""
    nic: Nic
    """NIC of the service address, as `ip addr` names it."""
    ip: IpAddress
    """Service address: the nodes reach each other by it."""
    model_path: AbsPath | None = None
    """Folder of the weights on this host, where it differs."""
    ssh: SshOverride = SshOverride()
    """Login, where it differs."""


def _json_safe(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # a date, nan, inf: TOML has them, JSON has not
        raise bad("no_json", value=repr(value)[:60]) from None
    if "'" in text or "\n" in text:
        raise bad("unsafe", char="'", value=text[:60])
    return value


def _plain_int(value: Any) -> Any:
    """Refuse what only equals a whole number: to a literal, `true` is 1."""
    if isinstance(value, (bool, float)):
        raise bad("int_type")
    return value


class LaunchSpec(_Part):
    """Flags and environment of `vllm serve`."""

    host: IpAddress | Literal["0.0.0.0", "::"] = "0.0.0.0"  # noqa: S104 - the guide's value
    """Address the API listens on."""
    port: Port = 8080
    """Port of the API."""
    rpc_port: Port = 8082
    """Port of the data-parallel handshake on node 0 (vLLM's own default is 29550)."""
    data_parallel_local: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Engines (data-parallel ranks) per host."""
    tensor_parallel: Annotated[Whole, Field(ge=1, le=64)] = 8
    """NPUs per engine."""
    expert_parallel: Switch = True
    """Spread the experts over all NPUs."""
    max_model_len: Annotated[Whole, Field(ge=128, le=202752)] = 8192
    """Longest context in tokens (the model's own limit is 202752)."""
    max_num_batched_tokens: Annotated[Whole, Field(ge=1, le=2**31 - 1)] = 8192
    """Tokens per scheduling step."""
    max_num_seqs: Annotated[Whole, Field(ge=1, le=4096)] = 8
    """Requests per engine at a time."""
    gpu_memory_utilization: Annotated[Number, Field(gt=0, le=1)] = 0.9
    """Share of HBM that vLLM may use."""
    trust_remote_code: Switch = True
    """Let the model folder bring code."""
    tool_call_parser: ServedName = "glm47"
    """Tool-call parser."""
    reasoning_parser: ServedName = "glm45"
    """Reasoning parser."""
    parsers: Literal["patch", "plugin"] = "patch"
    """How vLLM 0.13.0 learns GLM-4.7's formats: patched files (the guide) or plugin files."""
    additional_config: Annotated[dict[str, Any], AfterValidator(_json_safe)] = (
        GUIDE_ADDITIONAL_CONFIG
    )
    """vllm-ascend's --additional-config."""
    env: dict[EnvName, ScriptText] = {}
    """More environment variables, or other values for the guide's."""
    extra_args: tuple[ScriptWord, ...] = ()
    """More words for `vllm serve` (JSON may stand in them, between single quotes in the script)."""
    quantization: Literal["ascend"] | None = None
    """"ascend" for W8A8 weights; never for BF16."""


class ImprovementsSpec(_Part):
    """What the tool does better than the guide; each can be switched off (errata)."""

    shm_size: Switch = True
    """Pass --shm-size (errata 8)."""
    detached: Switch = True
    """Start the container detached, -itd instead of -it (errata 7)."""
    drop_dead: Switch = False
    """Drop settings that the chosen versions do not read (errata 10 and 11)."""


class LimitsSpec(_Part):
    """How long to wait at most."""

    connect_s: Annotated[Whole, Field(ge=1, le=600)] = 15
    """Seconds to log in to a node."""
    pull_min: Annotated[Whole, Field(ge=1, le=1440)] = 120
    """Minutes for pulling the image."""
    download_h: Annotated[Whole, Field(ge=1, le=240)] = 48
    """Hours for downloading the model."""
    peer_s: Annotated[Whole, Field(ge=10, le=3600)] = 300
    """Seconds until node 0 opens its rpc port."""
    ready_min: Annotated[Whole, Field(ge=1, le=1440)] = 120
    """Minutes from launch to the first answer."""


class VerifySpec(_Part):
    """How the result is proved."""

    level: Literal["full", "protocol"] = "full"
    """full: answers must make sense; protocol: only their form is tested."""


class Profile(_Part):
    """Everything a deployment needs to know, except secrets."""

    schema_version: Annotated[Literal[1], BeforeValidator(_plain_int), Field(alias="schema")] = (
        SCHEMA
    )
    """Version of this file format."""
    name: ProfileName
    """Name of the profile; also of the folder on the nodes."""
    language: Literal["zh_CN", "en"] | None = None
    """Language of the texts; unset: the environment's."""
    model: ModelSpec = ModelSpec()
    container: ContainerSpec = ContainerSpec()
    ssh: SshSpec = SshSpec()
    launch: LaunchSpec = LaunchSpec()
    improvements: ImprovementsSpec = ImprovementsSpec()
    limits: LimitsSpec = LimitsSpec()
    verify: VerifySpec = VerifySpec()
    accepted: tuple[ScriptText, ...] = ()
    """Ids of warnings that were read and accepted."""
    nodes: Annotated[tuple[NodeSpec, ...], Field(min_length=1, max_length=512)]
    """The hosts; the first is the head."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self._check_ports()
        self._check_fit()
        self._check_nodes()
        for i in range(len(self.nodes)):
            self._check_below_mount(self.model_path(i))
        return self

    def _check_ports(self) -> None:
        if self.launch.port == self.launch.rpc_port:
            raise bad("ports_equal", port=self.launch.port)

    def _check_fit(self) -> None:
        devices = self.container.devices
        if len(set(devices)) != len(devices):
            raise bad("devices_twice")
        need = self.launch.tensor_parallel * self.launch.data_parallel_local
        if need > len(devices):
            raise bad(
                "npus", tp=self.launch.tensor_parallel, dp=self.launch.data_parallel_local,
                need=need, have=len(devices),
            )  # fmt: skip

    def _check_nodes(self) -> None:
        seen: dict[str, int] = {}
        for i, node in enumerate(self.nodes):
            if node.ip in seen:
                raise bad("ip_twice", ip=node.ip, first=seen[node.ip], second=i)
            seen[node.ip] = i
        if len({":" in node.ip for node in self.nodes}) > 1:
            raise bad("ip_mixed")

    def _check_below_mount(self, path: str) -> None:
        mount = self.container.data_mount
        if posixpath.commonpath([mount, path]) != mount or path == mount:
            raise bad("outside_mount", path=path, mount=mount)

    @property
    def head(self) -> NodeSpec:
        """Node 0, which serves the API."""
        return self.nodes[0]

    @property
    def data_parallel(self) -> int:
        """Engines over all hosts."""
        return len(self.nodes) * self.launch.data_parallel_local

    def node_name(self, index: int) -> str:
        """Name of a node in logs and on screens: ``node0`` is the head."""
        return f"node{index}"

    def node_ssh(self, index: int) -> SshSpec:
        """Login of one node: [ssh] with the node's own values over it."""
        own = self.nodes[index].ssh.model_dump(exclude_none=True)
        if own.get("jump") == "":
            own["jump"] = None
        return self.ssh.model_copy(update=own)

    def model_path(self, index: int) -> str:
        """Folder of the weights on one host."""
        return self.nodes[index].model_path or self.model.path

    def inside(self, host_path: str) -> str:
        """Translate a host path below the data mount to the container's view of it."""
        rest = posixpath.relpath(host_path, self.container.data_mount)
        return posixpath.normpath(posixpath.join(self.container.data_mount_inside, rest))

    @property
    def base_dir(self) -> str:
        """Host folder that holds all that a deployment leaves on a node."""
        return posixpath.join(self.container.data_mount, "glm47-tui", self.name)

    @property
    def base_dir_inside(self) -> str:
        """The same folder as the container sees it."""
        return self.inside(self.base_dir)
