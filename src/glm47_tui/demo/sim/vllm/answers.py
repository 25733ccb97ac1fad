"""What the simulated model says: canned texts in GLM-4.7's own form, each of which says so.

The form is the model's raw output (``thinking</think>answer``, ``<tool_call>…``): turning it into
an API answer is the work of the parsers that are being proved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_NAME_ZH = re.compile(r"(北京|上海|广州|深圳|杭州|成都|南京|武汉|西安|重庆|天津|苏州)")
_SAME = {
    "天气": "weather", "时间": "time", "搜索": "search", "文件": "file", "计算": "calculate",
    "日期": "date", "温度": "temperature", "邮件": "mail", "数据库": "database",
}  # fmt: skip
"""Words of a question that stand for English ones in a tool's name."""
_SUM = re.compile(r"(\d+)\s*(加|减|乘以|乘|[+\-*×x])\s*(\d+)")


@dataclass(frozen=True)
class Asked:
    """A request, as far as an answer depends on it."""

    text: str
    tools: Sequence[Mapping[str, Any]] = ()
    result: str | None = None
    """What a tool has answered, when the conversation ends with that."""
    force: str | None = None
    """Name of the tool that must be called; empty: any."""

    @property
    def chinese(self) -> bool:
        """Whether to answer in Chinese."""
        return bool(_CHINESE.search(self.text))


def asked(request: Mapping[str, Any]) -> Asked:
    """Read what a request asks for."""
    messages = [m for m in request.get("messages") or [] if isinstance(m, Mapping)]
    text = next((words_of(m) for m in reversed(messages) if m.get("role") == "user"), "")
    result = words_of(messages[-1]) if messages and messages[-1].get("role") == "tool" else None
    choice = request.get("tool_choice", "auto")
    force = None
    if isinstance(choice, Mapping):
        force = str(choice.get("function", {}).get("name", ""))
    elif choice == "required":
        force = ""
    tools = [t["function"] for t in request.get("tools") or [] if "function" in t]
    return Asked(text, () if choice == "none" else tools, result, force)


def words_of(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content)
    return str(content)


def output(question: Asked, *, thinking: bool) -> str:
    """Return the model's raw output."""
    call = None if question.result is not None else _call(question)
    thought = _thought(question, bool(call))
    answer = call or _answer(question)
    return f"{thought}</think>{answer}" if thinking else answer


def _thought(question: Asked, tool: bool) -> str:
    short = question.text[:40]
    if question.chinese:
        then = "需要调用工具来回答。" if tool else "直接回答即可。"
        return f"（模拟的思考）用户说：“{short}”。{then}"
    then = "I need a tool for that." if tool else "I can answer that directly."
    return f'(Simulated thinking.) The user says: "{short}". {then}'


# -- tool calls -----------------------------------------------------------------------------


def _pieces(text: str) -> set[str]:
    """Return what two texts may have in common: words, and pairs of Chinese characters."""
    low = text.lower()
    chinese = "".join(c if _CHINESE.match(c) else " " for c in low)
    pairs = {a + b for part in chinese.split() for a, b in pairwise(part)}
    both = {english for word, english in _SAME.items() if word in low}
    return set(re.findall(r"[a-z]{3,}", low.replace("_", " "))) | pairs | both


def _call(question: Asked) -> str | None:
    """Return a tool call when a tool fits the question, or must be called."""
    wanted = _pieces(question.text)
    scores = [
        (len(wanted & _pieces(f"{t.get('name', '')} {t.get('description', '')}")), t)
        for t in question.tools
    ]
    if question.force is not None:
        named = [(score, t) for score, t in scores if t.get("name") == question.force]
        scores = named or scores
    if not scores:
        return None
    score, tool = max(scores, key=lambda pair: pair[0])
    if score == 0 and question.force is None:
        return None
    return _written(tool, question.text)


def _written(tool: Mapping[str, Any], text: str) -> str:
    """Write a call the way GLM-4.7 does."""
    parameters = tool.get("parameters") or {}
    required = parameters.get("required")
    parts = []
    for name, schema in (parameters.get("properties") or {}).items():
        if required is not None and name not in required and len(required) > 0:
            continue
        value = _value(str(name), schema or {}, text)
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"<arg_key>{name}</arg_key><arg_value>{shown}</arg_value>")
    return f"<tool_call>{tool.get('name', '')}{''.join(parts)}</tool_call>"


def _value(name: str, schema: Mapping[str, Any], text: str) -> Any:
    """Find a value for an argument in the question, or make one up that fits its type."""
    if schema.get("enum"):
        options = schema["enum"]
        return next((o for o in options if str(o).lower() in text.lower()), options[0])
    kind = schema.get("type", "string")
    number = re.search(r"-?\d+", text)
    simple = {
        "integer": int(number[0]) if number else 1, "number": float(number[0]) if number else 1.0,
        "boolean": True, "array": [], "object": {}, "null": None,
    }  # fmt: skip
    if isinstance(kind, str) and kind in simple:
        return simple[kind]
    date = re.search(r"\d{4}-\d{2}-\d{2}", text)
    if re.search(r"date|day|日期", name) and date:
        return date[0]
    city = _NAME_ZH.search(text) or re.search(r"(?<=[\w,] )[A-Z][a-z]{2,}", text)
    if re.search(r"city|location|place|town|城市", name):
        return city[0] if city else "Beijing"
    return text[:60]


# -- words ----------------------------------------------------------------------------------


def _answer(question: Asked) -> str:
    if question.result is not None:
        return _RESULT[question.chinese].format(result=question.result[:200])
    low = question.text.lower()
    found = _SUM.search(question.text)
    if found:
        return _maths(found, question)
    for words, key in _TOPICS:
        if any(word in low for word in words):
            return _TEXTS[key][question.chinese]
    return _TEXTS["other"][question.chinese].format(text=question.text[:60])


def _maths(found: re.Match[str], question: Asked) -> str:
    a, sign, b = int(found[1]), found[2], int(found[3])
    value = a - b if sign in ("减", "-") else a + b if sign in ("加", "+") else a * b
    if "只" in question.text or "only" in question.text.lower():
        return f"{value}"
    note = "（模拟回答）" if question.chinese else "(Simulated answer.)"
    written = "+" if sign in ("加", "+") else "-" if sign in ("减", "-") else r"\times"
    return f"{note}\n\n$$\n{a} {written} {b} = {value}\n$$\n"


_TOPICS = (
    (("介绍", "你是谁", "who are you", "introduce"), "intro"),
    (("代码", "函数", "python", "程序", "排序", "code", "function", "sort"), "code"),
    (("证明", "数学", "方程", "积分", "prove", "equation", "integral", "math"), "maths"),
    (("重复", "repeat", "loop"), "loop"),
)

_RESULT = {
    True: "（模拟回答）工具返回了：{result}\n\n据此回答：一切正常。",
    False: "(Simulated answer.) The tool returned: {result}\n\nSo all is well.",
}

_TEXTS: dict[str, dict[bool, str]] = {
    "intro": {
        True: """**（模拟回答：这里没有真实的模型，也没有 NPU。）**

你好！我扮演的是 **GLM-4.7**，由智谱 AI 与清华大学联合研发的混合专家（MoE）大语言模型：

- **编码**：多语言编程、终端任务；
- **工具调用**：先思考，再行动；
- **推理**：数学与复杂问题。

换成真实的昇腾服务器后，同样的步骤会让真正的模型在这里回答。
""",
        False: """**(Simulated answer: there is no model here, and no NPU.)**

Hello! I play **GLM-4.7**, a mixture-of-experts model made for agents:

- **coding** in many languages, and in the terminal;
- **tools**: it thinks before it acts;
- **reasoning**, mathematics included.

On real Ascend servers the same steps bring up the real one.
""",
    },
    "code": {
        True: """（模拟回答）下面是快速排序的一种写法：

```python
def quicksort(items: list[int]) -> list[int]:
    if len(items) < 2:
        return items
    pivot, *rest = items
    low = [x for x in rest if x < pivot]
    high = [x for x in rest if x >= pivot]
    return [*quicksort(low), pivot, *quicksort(high)]
```

| 情形 | 时间复杂度 |
|---|---|
| 平均 | O(n log n) |
| 最坏 | O(n²) |
""",
        False: """(Simulated answer.) Quicksort, in its shortest form:

```python
def quicksort(items: list[int]) -> list[int]:
    if len(items) < 2:
        return items
    pivot, *rest = items
    low = [x for x in rest if x < pivot]
    high = [x for x in rest if x >= pivot]
    return [*quicksort(low), pivot, *quicksort(high)]
```

| case | time |
|---|---|
| average | O(n log n) |
| worst | O(n²) |
""",
    },
    "maths": {
        True: """（模拟回答）以一元二次方程 $x^2 - 5x + 6 = 0$ 为例：

1. 分解因式：$(x-2)(x-3) = 0$；
2. 于是 $x = 2$ 或 $x = 3$;
3. 代回检验：$4 - 10 + 6 = 0$，$9 - 15 + 6 = 0$，成立。
""",
        False: """(Simulated answer.) Take $x^2 - 5x + 6 = 0$:

1. factors: $(x-2)(x-3) = 0$；
2. so $x = 2$ or $x = 3$;
3. check: $4 - 10 + 6 = 0$ and $9 - 15 + 6 = 0$.
""",
    },
    "loop": {
        True: "（模拟回答：演示复读）" + "好的，我再说一遍。" * 60,
        False: "(Simulated answer: a loop.) " + "Let me say that again. " * 60,
    },
    "other": {
        True: """（模拟回答）收到：“{text}”。

这是演示环境，回答是事先写好的。可以试试：

1. 请做一下自我介绍；
2. 用 Python 写一个排序函数；
3. 12 乘以 34 等于几？
""",
        False: """(Simulated answer.) You said: "{text}".

This is the demo, and its answers were written beforehand. Try:

1. Introduce yourself;
2. Write a function that sorts, in Python;
3. 12 * 34?
""",
    },
}
