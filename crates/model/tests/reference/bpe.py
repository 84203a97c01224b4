"""Byte-level BPE written out plainly, independent of the `tokenizers` library."""

import regex

CONTRACTIONS = r"'s|'t|'re|'ve|'m|'ll|'d"
GPT2 = rf"{CONTRACTIONS}| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+"
MODERN = (
    rf"(?i:{CONTRACTIONS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}DIGITS"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {
    "gpt-2": [GPT2],
    "default": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "qwen2": [MODERN.replace("DIGITS", "")],
    "llama-bpe": [MODERN.replace("DIGITS", "{1,3}")],
}


def alphabet():
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table, extra = {}, 0
    for byte in range(256):
        if byte in printable:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(0x100 + extra)
            extra += 1
    return table


class Bpe:
    def __init__(self, tokens, merges, pre, special):
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
        self.pre = pre
        self.special = sorted(special, key=len, reverse=True)
        self.alphabet = alphabet()

    def words(self, text):
        pieces = [text]
        for pattern in PATTERNS[self.pre]:
            cut = []
            for piece in pieces:
                at = 0
                for match in regex.finditer(pattern, piece):
                    if match.start() > at:
                        cut.append(piece[at : match.start()])
                    if match.group():
                        cut.append(match.group())
                    at = match.end()
                if at < len(piece):
                    cut.append(piece[at:])
            pieces = cut
        return pieces

    def word(self, word):
        parts = [self.alphabet[byte] for byte in word.encode()]
        if self.pre == "llama-bpe" and "".join(parts) in self.ids:
            return [self.ids["".join(parts)]]
        while len(parts) > 1:
            pairs = [(self.ranks.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:]))]
            rank, i = min(pairs)
            if rank == 1 << 30:
                break
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        return [self.ids[part] for part in parts]

    def encode(self, text):
        """What looks like a special token stays text."""
        if self.pre == "qwen2":
            import unicodedata

            text = unicodedata.normalize("NFC", text)
        return [token for word in self.words(text) for token in self.word(word)]

    def encode_special(self, text):
        """Special tokens are meant."""
        pattern = "(" + "|".join(regex.escape(s) for s in self.special) + ")"
        ids = []
        for i, piece in enumerate(regex.split(pattern, text)):
            if piece:
                ids += [self.ids[piece]] if i % 2 else self.encode(piece)
        return ids
