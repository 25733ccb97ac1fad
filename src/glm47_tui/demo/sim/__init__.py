"""What runs on a simulated node: stand-ins for docker, npu-smi, vllm and their like.

Standard library only, and nothing of the rest of glm47_tui: these modules run in processes of
their own, started by small shell stubs in a node's ``/usr/local/sbin`` with ``python -S -E``, so
that a stand-in starts in a few milliseconds.
"""
