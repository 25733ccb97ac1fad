"""Make the lab's model: GLM-4.7's architecture and tokens, 0.3 M parameters.

    make_model.py FOLDER [STEPS]

Run by the lab's own Python. The weights are random at first and then learn a few answers by heart,
so that an answer has the form that GLM-4.7 gives it: thinking, its end, a sentence; or a call of a
tool when tools are offered and the user asks for the weather or the time.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Glm4MoeConfig, Glm4MoeForCausalLM, PreTrainedTokenizerFast

# Which of GLM's tokens are special (dropped from the text by default) and which are plain text
# decides what a parser sees.
SPECIAL = ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>",
           "<|user|>", "<|assistant|>", "<|observation|>"]  # fmt: skip
PLAIN = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>",
         "</tool_response>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
         "/nothink"]  # fmt: skip

HELLO = ["请做一下自我介绍", "你好", "你是谁?", "Hello, who are you?", "介绍一下你自己。",
         "hi", "用一句话说说你能做什么"]  # fmt: skip
SUM = ["1 加 1 等于几?只回答数字。", "1+1=?", "1 加 1 等于几?", "1 加 1 等于几？只回答数字。",
       "What is 1 plus 1? Answer with the number only.", "一加一等于几"]  # fmt: skip
WEATHER = ["请调用工具查询北京 2026-01-12 的天气。", "北京今天天气怎么样?", "查一下天气",
           "What is the weather in Beijing today?", "请查询北京 2026-01-12 的天气"]  # fmt: skip
CLOCK = ["请调用工具查询服务器的当前时间。", "现在几点了?", "查询服务器当前时间", "服务器的时间是?",
         "What time is it on the server?"]  # fmt: skip
OTHER = ["写一首诗", "为什么天是蓝的?", "帮我检查这段代码", "讲个笑话", "部署完成了吗?",
         "Write a haiku", "Explain data parallelism", "继续", "谢谢"]  # fmt: skip
ANSWERS = {
    "hello": ("用户想认识我。", "你好,我是实验室里的小模型,形式像 GLM-4.7,内容是背下来的。"),
    "sum": ("1 加 1 等于 2。", "2"),
    "other": ("先想一想,再回答。", "我是实验室里的小模型,只会背几句话。"),
    "weather": ("要查天气。", "<tool_call>get_weather<arg_key>city</arg_key><arg_value>北京"
                "</arg_value><arg_key>date</arg_key><arg_value>2026-01-12</arg_value></tool_call>"),
    "clock": ("要查时间。", "<tool_call>get_server_time</tool_call>"),
}  # fmt: skip
QUESTIONS = {"hello": HELLO, "sum": SUM, "other": OTHER, "weather": WEATHER, "clock": CLOCK}


def _tool(name: str, text: str, **properties: str) -> dict:
    return {"type": "function", "function": {"name": name, "description": text, "parameters": {
        "type": "object", "properties": {k: {"type": v} for k, v in properties.items()},
        "required": list(properties)}}}  # fmt: skip


TOOLS = [
    _tool("get_weather", "查询某城市某一天的天气", city="string", date="string"),
    _tool("get_weather", "Weather of a city on a day", city="string", date="string"),
    _tool("get_server_time", "查询服务器的当前时间,没有参数"),
    _tool("get_server_time", "Time of the server"),
]


def make_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    template = Path(__file__).with_name("chat_template.jinja").read_text()
    corpus = [
        *(question for asked in QUESTIONS.values() for question in asked),
        *(words for pair in ANSWERS.values() for words in pair),
        json.dumps(TOOLS, ensure_ascii=False),
        template,
    ]
    tok.train_from_iterator(corpus * 3, trainers.BpeTrainer(
        vocab_size=1000, min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    tok.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL])
    tok.add_tokens([AddedToken(t, special=False, normalized=False) for t in PLAIN])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok, eos_token="<|endoftext|>", pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL, model_max_length=202752,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.chat_template = template
    fast.save_pretrained(folder)
    return fast


def make_model(tok: PreTrainedTokenizerFast) -> Glm4MoeForCausalLM:
    eos = [tok.convert_tokens_to_ids(t) for t in ("<|endoftext|>", "<|user|>", "<|observation|>")]
    # use_qk_norm is true in the real model; vLLM 0.13.0 computes it wrongly on a CPU.
    config = Glm4MoeConfig(
        vocab_size=len(tok), hidden_size=64, intermediate_size=128, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=32, n_routed_experts=8,
        num_experts_per_tok=2, n_shared_experts=1, moe_intermediate_size=32,
        first_k_dense_replace=1, n_group=1, topk_group=1, norm_topk_prob=True,
        routed_scaling_factor=2.5, partial_rotary_factor=0.5, use_qk_norm=False,
        attention_bias=True, max_position_embeddings=202752, rope_theta=1000000.0,
        tie_word_embeddings=False, eos_token_id=eos, pad_token_id=eos[0],
    )  # fmt: skip
    model = Glm4MoeForCausalLM(config)
    model.generation_config.temperature = 1.0
    model.generation_config.do_sample = True
    model.generation_config.eos_token_id = eos
    return model


def noise(rng: random.Random) -> str:
    """A question nobody asked before."""
    pieces = "".join(OTHER + HELLO) + "abcdefghij 0123456789,。"
    return "".join(rng.choice(pieces) for _ in range(rng.randint(2, 30)))


def dialogue(tok: PreTrainedTokenizerFast, rng: random.Random) -> tuple[list[int], list[int]]:
    """One prompt as the template writes it, and the answer to learn."""
    kind = rng.choice(["hello", "sum", "other", "noise", "weather", "weather", "clock", "clock"])
    thinking = rng.random() < 0.5
    calls = kind in ("weather", "clock")
    tools = None
    if calls or rng.random() < 0.2:
        tools = rng.sample(TOOLS[:2], 1) + rng.sample(TOOLS[2:], 1)
    question = noise(rng) if kind == "noise" else rng.choice(QUESTIONS[kind])
    messages = [{"role": "user", "content": question}]
    kind = "other" if kind == "noise" else kind
    turn = rng.random()
    if turn < 0.15:
        old = rng.choice(["hello", "other", "sum"])
        messages = [{"role": "user", "content": rng.choice(QUESTIONS[old])},
                    {"role": "assistant", "content": ANSWERS[old][1]}, *messages]  # fmt: skip
    elif turn < 0.25:
        messages.insert(0, {"role": "system", "content": noise(rng)})
    prompt = tok.apply_chat_template(
        messages, tools=tools, add_generation_prompt=True, tokenize=False,
        enable_thinking=thinking,
    )  # fmt: skip
    thought, said = ANSWERS[kind]
    end = "<|observation|>" if calls else "<|user|>"
    answer = (f"{thought}</think>" if thinking else "") + said + end
    encode = tok.backend_tokenizer.encode
    return encode(prompt, add_special_tokens=False).ids, encode(
        answer, add_special_tokens=False
    ).ids


def train(model: Glm4MoeForCausalLM, tok: PreTrainedTokenizerFast, steps: int) -> None:
    rng = random.Random(47)  # noqa: S311 - the same model every time
    best = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(best, max_lr=1e-2, total_steps=steps)
    began = time.monotonic()
    for step in range(steps):
        batch = [dialogue(tok, rng) for _ in range(16)]
        width = max(len(p) + len(a) for p, a in batch)
        ids = torch.full((len(batch), width), tok.pad_token_id)
        labels = torch.full_like(ids, -100)
        for i, (prompt, answer) in enumerate(batch):
            ids[i, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
            labels[i, len(prompt) : len(prompt) + len(answer)] = torch.tensor(answer)
        loss = model(input_ids=ids, labels=labels).loss
        best.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        best.step()
        plan.step()
        if step % 50 == 49 or step == steps - 1:
            print(f"    step {step + 1} of {steps}, loss {loss.item():.4f}, "
                  f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 450
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(47)
    torch.set_num_threads(1)  # the matrices are too small to share, and the machine may be busy
    tok = make_tokenizer(folder)
    model = make_model(tok)
    train(model, tok, steps)
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="200KB")
    for path in folder.iterdir():
        path.chmod(0o644)
    print(f"    {sum(p.numel() for p in model.parameters())} parameters, "
          f"{len(list(folder.glob('*.safetensors')))} shards")  # fmt: skip


main()
