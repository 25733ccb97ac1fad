"""Failures as they happen to two nodes: each builds two full logs and says the right answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .worlds import TP, Node, pair, together


@dataclass
class Answer:
    """What the first cause must be; ``others`` are the independent ones that must follow."""

    entry: str
    node: str
    text: str
    process: str = ""
    others: tuple[str, ...] = ()
    extra: dict[str, list[str]] = field(default_factory=dict)
    """Further files of a node: ``NODE=FILE`` to lines."""


Scenario = Callable[..., tuple[tuple[Node, Node], Answer]]
ALL: list[Scenario] = []


def scenario(build: Scenario) -> Scenario:
    ALL.append(build)
    return build


def _start(*upto: Callable[[Node], None], **options: object) -> tuple[Node, Node]:
    nodes = pair(**options)
    together(nodes, *upto)
    return nodes


@scenario
def leftovers_hold_the_npus_of_node1(**options):
    zero, one = nodes = _start(Node.launch, Node.join, **options)
    one.workers_fail(
        range(TP),
        "RuntimeError: create_config:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:102 HCCL "
        "function error: hcclCommInitRootInfoConfig(numRanks, &rootInfo, rank, config, "
        "&(comm->hcclComm_)), error code is 7",
        "[ERROR] 2026-01-12-10:53:40 (PID:512, Device:0, RankID:8) ERR02200 DIST call hccl failed.",
        "EJ0001: [PID: 512] 2026-01-12-10:53:40.975.866 Failed to initialize the HCCP process. "
        "Reason: Maybe the last training process is running.",
        "        Solution: Wait for 10s after killing the last training process and try again.",
    )
    one.engine_falls()
    zero.wait(120)
    zero.socket_timeouts()
    zero.engine_falls()
    return nodes, Answer("hccl.hccp_busy", "node1", "EJ0001", "Worker_DP1_TP0_EP8")


@scenario
def one_rank_of_node0_runs_out_of_memory(**options):
    zero, one = nodes = _start(Node.launch, Node.join, lambda n: n.weights(40), **options)
    zero.workers_fail(
        [3],
        "RuntimeError: NPU out of memory. Tried to allocate 2.34 GiB (NPU {rank}; 60.97 GiB total "
        "capacity; 58.11 GiB already allocated; 1.20 GiB free)",
    )
    zero.engine_falls()
    one.wait(3)
    one.peer_closed("10.77.0.10")
    return nodes, Answer("memory.npu_oom", "node0", "NPU 3", "Worker_DP0_TP3_EP3")


@scenario
def node1_has_a_truncated_weight_file(**options):
    zero, one = nodes = _start(Node.launch, Node.join, lambda n: n.weights(57), **options)
    one.workers_fail(
        [0, 1, 2],
        "safetensors_rust.SafetensorError: Error while deserializing header: "
        "MetadataIncompleteBuffer",
    )
    one.engine_falls()
    zero.wait(130)
    zero.socket_timeouts()
    zero.engine_falls()
    return nodes, Answer("model.shard", "node1", "MetadataIncompleteBuffer", "Worker_DP1_TP0")


@scenario
def node1_names_a_nic_it_has_not(**options):
    zero, one = nodes = _start(Node.launch, **options)
    one.traceback(
        one.core, "core.py:866", "EngineCore failed to start.",
        "RuntimeError: [enforce fail at /pytorch/third_party/gloo/gloo/transport/tcp/device.cc:84] "
        "ifa != nullptr. Unable to find address for: enp189s0f0",
    )  # fmt: skip
    zero.wait(60)
    zero.log(zero.core, "ERROR", "core.py:866", "EngineCore failed to start.",
             "RuntimeError: Gloo connectFullMesh failed with [/pytorch/third_party/gloo/gloo/"
             "transport/tcp/pair.cc:144] no error")  # fmt: skip
    zero.engine_falls()
    return nodes, Answer("net.gloo_nic", "node1", "enp189s0f0", "EngineCore_DP1")


@scenario
def the_api_port_of_node0_is_taken(**options):
    zero, one = nodes = pair(**options)
    zero.log(zero.api, "INFO", "api_server.py:1351", "vLLM API server version 0.13.0")
    zero.raw("Traceback (most recent call last):")
    zero.raw('  File "/vllm-workspace/vllm/vllm/entrypoints/openai/api_server.py", line 1319')
    zero.raw("OSError: [Errno 98] Address already in use")
    one.launch()
    one.wait(300)
    one.traceback(
        one.core, "core.py:866", "EngineCore failed to start.",
        "RuntimeError: Did not receive response from front-end process within 5 minutes",
    )  # fmt: skip
    one.raw(f"({one.core}) Process EngineCore_DP1:")
    return nodes, Answer("net.api_port", "node0", "[Errno 98]")


@scenario
def node0_binds_an_address_it_has_not(**options):
    zero, one = nodes = _start(Node.launch, **options)
    zero.raw(f"({zero.api}) Traceback (most recent call last):")
    zero.raw(f"({zero.api}) zmq.error.ZMQError: Cannot assign requested address "
             "(addr='tcp://10.77.0.99:8082')")  # fmt: skip
    one.wait(300)
    one.traceback(
        one.core, "core.py:866", "EngineCore failed to start.",
        "RuntimeError: Did not receive response from front-end process within 5 minutes",
    )  # fmt: skip
    return nodes, Answer("net.rpc_address", "node0", "10.77.0.99", "APIServer")


@scenario
def the_tool_parser_patch_is_not_applied(**options):
    zero, one = nodes = pair(**options)
    zero.log(zero.api, "INFO", "api_server.py:1351", "vLLM API server version 0.13.0")
    zero.raw("Traceback (most recent call last):",
             '  File "/usr/local/python3.11.13/bin/vllm", line 7, in <module>',
             "KeyError: 'invalid tool call parser: glm47 (chose from { glm45 })'")  # fmt: skip
    one.launch()
    one.wait(300)
    one.traceback(
        one.core, "core.py:866", "EngineCore failed to start.",
        "RuntimeError: Did not receive response from front-end process within 5 minutes",
    )  # fmt: skip
    return nodes, Answer("parser.tool_unknown", "node0", "invalid tool call parser")


@scenario
def tls_switches_differ(**options):
    zero, one = nodes = _start(Node.launch, Node.join, **options)
    one.wait(119)
    one.socket_timeouts()
    one.engine_falls()
    zero.wait(120)
    zero.workers_fail(
        range(TP),
        "RuntimeError: create_config:torch_npu/csrc/distributed/HCCLUtils.cpp:148 HCCL function "
        "error: hcclCommInitRootInfoConfig(numRanks, &rootInfo, rank), error code is 1",
        "[PID: 412] 2026-01-12-10:55:40.331.120 Config_Error_Inconsistent(EI0016): Value Disable "
        'for config "tls" is invalid. Expected Value:"All ranks are consistent. Current status : '
        'rankList for enabled tls:[8,9,10,11,12,13,14,15]; rankList for disabled tls:[0,1,2]"',
    )
    zero.engine_falls()
    return nodes, Answer("hccl.tls", "node0", "EI0016")


@scenario
def the_roce_link_is_down(**options):
    nodes = _start(Node.launch, Node.join, **options)
    for node in nodes:
        node.wait(120 + node.number)
        node.socket_timeouts()
        node.engine_falls()
    return nodes, Answer("hccl.socket_timeout", "", "EI0006")


@scenario
def node1_has_a_wrong_hccl_nic_and_a_plog_of_its_own(**options):
    zero, one = nodes = _start(Node.launch, Node.join, **options)
    stamp = one.stamp("%Y-%m-%d-%H:%M:%S")
    plog = [
        f"[INFO] HCCL(512,python):{stamp}.101.300 [op_base.cc:110] [611]Entry-HcclGetRootInfo",
        f"[ERROR] HCCL(512,python):{stamp}.101.310 [adapter_hal.cc:912] [611][Get][HostIp]set "
        "ifname to [enp67s0f9] by HCCL_SOCKET_IFNAME, but not found in the environment, ifnames in "
        "the environment is as follows",
        f"[ERROR] HCCL(512,python):{stamp}.101.330 [adapter_hal.cc:915] [611]ifname[lo]",
    ]
    one.workers_fail(
        range(TP), "RuntimeError: HCCL function error: hcclGetRootInfo(&hcclID), error code is 11"
    )
    one.engine_falls()
    zero.wait(120)
    zero.workers_fail(
        range(TP),
        "[PID: 412] 2026-01-12-10:55:40.101.202 Communication_Error_Ranktable_Detect(EI0015): "
        "Failed to collect cluster information of the communicator. Reason: No rank in the "
        "communicator can connect to the root node within the timeout period. List of unconnected "
        'ranks: "[8,9,10,11,12,13,14,15,]".',
    )
    zero.engine_falls()
    answer = Answer("hccl.ifname", "node1", "enp67s0f9", "pid=512")
    answer.extra["node1=plog-512_20260112.log"] = plog
    return nodes, answer


@scenario
def the_context_is_too_long_for_the_cache(**options):
    nodes = _start(Node.launch, Node.join, Node.weights, **options)
    for node in nodes:
        node.wait(40)
        node.traceback(
            node.core, "core.py:866", "EngineCore failed to start.",
            "ValueError: To serve at least one request with the models's max seq len (131072), "
            "(5.75 GiB KV cache is needed, which is larger than the available KV cache memory "
            "(3.10 GiB). Based on the available memory, the estimated maximum model length is "
            "70656. Try increasing `gpu_memory_utilization` or decreasing `max_model_len`.",
        )  # fmt: skip
    nodes[0].api_falls()
    return nodes, Answer("memory.max_len", "", "131072")


@scenario
def an_old_run_was_still_ending_on_node1(**options):
    zero, one = nodes = _start(Node.launch, Node.join, Node.weights, **options)
    one.workers_fail(
        [5],
        "AssertionError: Error in memory profiling. Initial free memory 41234567168, current free "
        "memory 51234567168. This happens when the NPU memory was not properly cleaned up before "
        "initializing the vLLM instance.",
    )
    one.engine_falls()
    zero.wait(2)
    zero.peer_closed("10.77.0.11")
    return nodes, Answer("memory.profiling_dirty", "node1", "Initial free", "Worker_DP1_TP5_EP13")


@scenario
def the_kernel_killed_the_engine_of_node1(**options):
    zero, one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    one.now = zero.now
    one.raw(
        "glm_47_infer_node1.sh: line 24:   301 Killed                  vllm serve ${model_path}"
    )
    zero.wait(1)
    zero.peer_closed("10.77.0.11")
    return nodes, Answer("memory.host_oom", "node1", "Killed")


@scenario
def node1_went_dark_while_serving(**options):
    zero, _one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    zero.peer_closed("10.77.0.11")
    return nodes, Answer("net.peer_closed", "node0", "Connection reset by peer", "EngineCore_DP0")


@scenario
def too_many_graphs(**options):
    zero, one = nodes = _start(Node.launch, Node.join, Node.weights, Node.profile, **options)
    for rank in range(TP):
        zero.log(
            zero.worker(rank), "ERROR", "model_runner_v1.py:3016",
            "ACLgraph sizes capture fail: RuntimeError:",
            "ACLgraph has insufficient available streams to capture the configured number of "
            "sizes. Please verify both the availability of adequate streams.",
        )  # fmt: skip
    zero.workers_fail(
        range(TP),
        "RuntimeError: capture_begin failed, error code is 507014",
        "EE1001: [PID: 412] The argument is invalid. retCode=0x7020023",
    )
    zero.engine_falls()
    one.wait(5)
    one.peer_closed("10.77.0.10")
    return nodes, Answer("graph.streams", "node0", "ACLgraph sizes capture fail")


@scenario
def the_container_has_64_mb_of_shared_memory(**options):
    zero, one = nodes = _start(Node.launch, Node.join, lambda n: n.weights(10), **options)
    zero.raw(
        "Fatal Python error: Bus error",
        "",
        "Current thread 0x0000ffff8c1e2020:",
        '  File "/vllm-workspace/vllm/vllm/distributed/device_communicators/shm_broadcast.py"',
    )
    zero.log(zero.core, "ERROR", "multiproc_executor.py:231",
             "Worker proc VllmWorker-4 died unexpectedly, shutting down executor.")  # fmt: skip
    zero.engine_falls()
    one.wait(125)
    one.socket_timeouts()
    one.engine_falls()
    return nodes, Answer("memory.shm", "node0", "Bus error")


@scenario
def the_nodes_have_different_flags(**options):
    zero, one = nodes = _start(*(Node.launch, Node.join, Node.weights, Node.profile), **options)
    zero.raw(f"({zero.api}) Traceback (most recent call last):")
    zero.raw(
        f"({zero.api}) RuntimeError: Configuration mismatch detected for engine 1. All DP workers "
        "must have identical configurations. Worker hash: 1f0a, Expected hash: 77bc. Please ensure "
        "all workers are started with the same command-line arguments."
    )
    one.wait(2)
    one.peer_closed("10.77.0.10")
    return nodes, Answer("net.config_mismatch", "node0", "Configuration mismatch", "APIServer")


@scenario
def two_faults_at_once_stand_apart(**options):
    zero, one = nodes = _start(Node.launch, Node.join, lambda n: n.weights(20), **options)
    one.workers_fail(
        [2],
        'FileNotFoundError: No such file or directory: "/root/.cache/GLM-4.7/'
        'model-00042-of-00093.safetensors"',
    )
    one.engine_falls()
    zero.wait(300)
    zero.workers_fail([6], "RuntimeError: NPU out of memory. Tried to allocate 1.00 GiB (NPU 6; "
                           "60.97 GiB total capacity; 60.01 GiB already allocated)")  # fmt: skip
    zero.engine_falls()
    return nodes, Answer("model.shard", "node1", "model-00042", others=("memory.npu_oom",))


@scenario
def the_exchange_buffer_is_too_small(**options):
    _zero, _one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    for node in nodes:
        stamp = node.stamp("%Y-%m-%d-%H:%M:%S")
        node.raw(
            f"[ERROR] OP(412,python):{stamp}.101.318 [moe_distribute_dispatch_tiling.cc:618] [511]"
            "OpName:[MoeDistributeDispatchV2] HCCL_BUFFSIZE is too SMALL, maxBs = 256, "
            "NEEDED_HCCL_BUFFSIZE((maxBs * 2)) = 356MB, HCCL_BUFFSIZE=200MB."
        )
        node.workers_fail(
            range(TP),
            "RuntimeError: npu_moe_distribute_dispatch_v2 NPU function error: call "
            "aclnnMoeDistributeDispatchV2 failed, error code is 561002",
            "EZ9999: Inner Error!",
        )
        node.engine_dies("RuntimeError: Worker failed with error 'call "
                         "aclnnMoeDistributeDispatchV2 failed', please check the stack trace above "
                         "for the root cause")  # fmt: skip
    return nodes, Answer("hccl.buffsize", "", "too SMALL")


@scenario
def hbm_breaks_on_node1(**options):
    zero, one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    one.now = zero.now
    one.traceback(
        one.worker(6), "multiproc_executor.py:824", "WorkerProc hit an exception.",
        "RuntimeError: synchronize:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:513 NPU "
        "function error: AclrtSynchronizeStreamWithTimeout, error code is 507054",
        "EZ9999: Inner Error!",
    )  # fmt: skip
    one.engine_dies("RuntimeError: Worker failed with error 'error code is 507054', please check "
                    "the stack trace above for the root cause")  # fmt: skip
    zero.wait(1)
    zero.peer_closed("10.77.0.11")
    return nodes, Answer("device.ecc", "node1", "507054", "Worker_DP1_TP6_EP14")


@scenario
def node1_did_not_source_the_environment(**options):
    zero, one = nodes = pair(**options)
    zero.launch()
    one.raw(
        "Traceback (most recent call last):",
        "ImportError: libatb.so: cannot open shared object file: No such file or directory",
        "RuntimeError: Failed to infer device type, please set the environment variable",
    )
    return nodes, Answer("device.env", "node1", "libatb.so")


@scenario
def a_worker_hangs_while_serving(**options):
    zero, _one = nodes = pair(**options)
    together(nodes, Node.good_start, Node.serve)
    for _ in range(16):
        zero.wait(60)
        zero.log(
            zero.core, "INFO", "shm_broadcast.py:542",
            "No available shared memory broadcast block found in 60 seconds. This typically "
            "happens when some processes are hanging or doing some time-consuming work.",
        )  # fmt: skip
    return nodes, Answer("engine.stall", "node0", "No available shared memory", "EngineCore_DP0")
