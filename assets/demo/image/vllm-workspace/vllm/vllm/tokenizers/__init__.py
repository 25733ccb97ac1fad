"""A tokenizer for the simulated model: special tokens as the model's tokenizer.json lists them,
other text a few characters a token."""

import json
import os
import re
import zlib

TokenizerLike = object
_PIECE = re.compile(r"\s?[A-Za-z]+|\s?[0-9]{1,3}|[\u3400-\u9fff]{1,2}|\s+|.", re.S)
_WORDS = 150000


class SimulatedTokenizer:
    """Splits text at special tokens, then into short pieces; pieces learn their ids as they come."""

    def __init__(self, folder):
        with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as handle:
            tokens = json.load(handle)["added_tokens"]
        self._ids = {token["content"]: token["id"] for token in tokens}
        self._special = {token["id"] for token in tokens if token["special"]}
        self._pieces = {token["id"]: token["content"] for token in tokens}
        names = sorted(self._ids, key=len, reverse=True)
        self._split = re.compile("(" + "|".join(map(re.escape, names)) + ")")

    def get_vocab(self):
        """Return the special tokens and their ids."""
        return dict(self._ids)

    def encode(self, text, add_special_tokens=True):
        """Return the ids of a text."""
        del add_special_tokens
        ids = []
        for part in self._split.split(text):
            if part in self._ids:
                ids.append(self._ids[part])
            else:
                ids += [self._piece(piece) for piece in _PIECE.findall(part)]
        return ids

    def _piece(self, piece):
        number = zlib.crc32(piece.encode("utf-8", "surrogatepass")) % _WORDS
        while self._pieces.setdefault(number, piece) != piece:
            number = (number + 1) % _WORDS
        return number

    def decode(self, ids, skip_special_tokens=False):
        """Return the text of ids that encode gave."""
        skipped = self._special if skip_special_tokens else ()
        return "".join(self._pieces[i] for i in ids if i not in skipped)


def get_tokenizer(name, *args, **options):
    """Load the tokenizer of a model folder."""
    del args, options
    return SimulatedTokenizer(name)
