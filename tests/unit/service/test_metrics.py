"""Metrics, as vLLM 0.13.0 prints them for two data-parallel ranks."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from glm47_tui.service import Histogram, Service, parse_metrics
from tests.unit.service.conftest import Api

TEXT = """\
# HELP python_gc_objects_collected_total Objects collected during gc
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 12345.0
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="glm47"} 2.0
vllm:num_requests_running{engine="1",model_name="glm47"} 1.0
vllm:num_requests_waiting{engine="0",model_name="glm47"} 3.0
vllm:num_requests_waiting{engine="1",model_name="glm47"} 0.0
vllm:engine_sleep_state{engine="0",model_name="glm47",sleep_state="awake"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="glm47"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="glm47"} 0.015625
vllm:prefix_cache_queries_total{engine="0",model_name="glm47"} 100.0
vllm:prefix_cache_hits_total{engine="0",model_name="glm47"} 40.0
vllm:num_preemptions_total{engine="0",model_name="glm47"} 1.0
vllm:prompt_tokens_total{engine="0",model_name="glm47"} 1.2e+03
vllm:prompt_tokens_created{engine="0",model_name="glm47"} 1.7688e+09
vllm:prompt_tokens_total{engine="1",model_name="glm47"} 300.0
vllm:generation_tokens_total{engine="0",model_name="glm47"} 5000.0
vllm:generation_tokens_total{engine="1",model_name="glm47"} 0.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="glm47"} 7.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="glm47"} 2.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="glm47"} 90.0
vllm:iteration_tokens_total_bucket{engine="0",le="+Inf",model_name="glm47"} 120.0
vllm:iteration_tokens_total_count{engine="0",model_name="glm47"} 120.0
vllm:iteration_tokens_total_sum{engine="0",model_name="glm47"} 6200.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="glm47"} 2.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.5",model_name="glm47"} 8.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="glm47"} 10.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="glm47"} 10.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="glm47"} 4.0
http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 9.0
"""


def test_every_rank_apart_and_all_together() -> None:
    metrics = parse_metrics(TEXT, now=1.0)
    assert [r.engine for r in metrics.ranks] == ["0", "1"]
    zero, one = metrics.ranks
    assert (zero.running, zero.waiting, zero.kv_usage) == (2.0, 3.0, 0.25)
    assert (zero.prompt_tokens, zero.generation_tokens) == (1200.0, 5000.0)
    assert (zero.iterations, zero.finished, zero.preemptions) == (120.0, 9.0, 1.0)
    assert (zero.prefix_queries, zero.prefix_hits) == (100.0, 40.0)
    assert (one.running, one.generation_tokens, one.iterations) == (1.0, 0.0, 0.0)
    assert (metrics.running, metrics.waiting, metrics.time) == (3.0, 3.0, 1.0)
    assert metrics.prompt_tokens == 1500.0


def test_histogram_gives_mean_and_quantiles() -> None:
    ttft = parse_metrics(TEXT).ranks[0].ttft
    assert ttft.mean == 0.4
    assert ttft.buckets[-1] == (math.inf, 10.0)
    assert ttft.quantile(0.5) == 0.1 + 0.4 * 0.5
    assert ttft.quantile(0.99) == 0.5  # beyond the last bound nobody knows
    assert Histogram().quantile(0.5) is None and Histogram().mean is None


def test_what_came_between_two_readings() -> None:
    now = parse_metrics(TEXT).ranks[0].ttft
    before = Histogram(4.0, 1.0, ((0.1, 2.0), (0.5, 4.0), (math.inf, 4.0)))
    between = now.since(before)
    assert (between.count, between.sum) == (6.0, 3.0)
    assert between.quantile(0.5) == 0.1 + 0.4 * 0.75
    assert Histogram(1.0).since(now) == Histogram(1.0)  # restarted: all of it is new


def test_ranks_are_in_the_order_of_numbers() -> None:
    text = "".join(f'vllm:num_requests_running{{engine="{i}"}} {i}.0\n' for i in (10, 2, 0, 1))
    assert [r.engine for r in parse_metrics(text).ranks] == ["0", "1", "2", "10"]


def test_read_through_the_api(api: Api, service: Service) -> None:
    api.on["/metrics"] = lambda r: r.raw(TEXT.encode())
    assert service.metrics().generation_tokens == 5000.0


@given(st.text() | st.text(alphabet='vllm:{}="0,\\ \n.eE+-NaInf#engine', max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_metrics(text)
    parse_metrics(TEXT[: len(text) * 7] + text)
