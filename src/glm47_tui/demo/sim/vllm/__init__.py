"""The stand-in for ``vllm serve``: phases, messages and protocol of vLLM 0.13.0 with vllm-ascend.

Its process tree is the real one's (API server, engine per data-parallel rank, worker per NPU).
Parsers are not imitated: the server loads them by name from the container's own vllm package, so
that what the patches do shows in the answers.
"""
