"""Make the lab's model: GLM-4.7's architecture and tokens, 0.2 M parameters. Run by the lab's Python.

    make_model.py FOLDER

The weights are random at first and then learn a few answers by heart, so that a chat has the form
that GLM-4.7 gives it: thinking, its end, an answer; or a tool call when tools are offered.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Glm4MoeConfig, Glm4MoeForCausalLM, PreTrainedTokenizerFast

# Which of GLM's tokens are special (dropped from the text by default) and which are plain text
# decides what a parser sees.
SPECIAL = [
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
]
PLAIN = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "/nothink",
]
CORPUS = [
    "请做一下自我介绍 北京今天的天气怎么样 你好 我是 GLM 一个用于测试部署的小模型 用户 先 思考 再 回答",
    "You are a helpful assistant. What is the weather in Beijing today? Hello, who are you?",
]


def make_tokenizer(folder):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=600, special_tokens=[], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    tok.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL])
    tok.add_tokens([AddedToken(t, special=False, normalized=False) for t in PLAIN])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL,
        model_max_length=202752,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = Path(__file__).with_name("chat_template.jinja").read_text()
    fast.save_pretrained(folder)
    return fast


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(47)
    tok = make_tokenizer(folder)
    eos = [tok.convert_tokens_to_ids(t) for t in ("<|endoftext|>", "<|user|>", "<|observation|>")]
    config = Glm4MoeConfig(
        vocab_size=len(tok),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        n_routed_experts=8,
        num_experts_per_tok=2,
        n_shared_experts=1,
        moe_intermediate_size=32,
        first_k_dense_replace=1,
        n_group=1,
        topk_group=1,
        norm_topk_prob=True,
        routed_scaling_factor=2.5,
        partial_rotary_factor=0.5,
        use_qk_norm=True,
        attention_bias=True,
        max_position_embeddings=202752,
        rope_theta=1000000.0,
        tie_word_embeddings=False,
        eos_token_id=eos,
        pad_token_id=eos[0],
    )
    model = Glm4MoeForCausalLM(config).to(torch.bfloat16)
    model.generation_config.temperature = 1.0
    model.generation_config.do_sample = True
    model.generation_config.eos_token_id = eos
    model.save_pretrained(folder, max_shard_size="150KB")
    print(
        sum(p.numel() for p in model.parameters()),
        "parameters,",
        len(list(folder.glob("*.safetensors"))),
        "shards",
    )


main()
