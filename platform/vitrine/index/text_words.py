"""Words: how text is cut into them, and how they are written so that every Milvus reads the same.

Tokenizers differ: jieba cuts "Küche" into three pieces and Cyrillic into letters, Milvus keeps
blanks and punctuation as tokens, and each has rules of its own for capitals. So text is written,
and asked for, in a form that leaves them nothing to differ about: words of small ASCII letters and
digits with one blank between them, and runs of Han characters, which alone are left to be cut.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = f"[^\\W_{_HAN}]"
# Inner hyphens and apostrophes belong to a word, points and commas to a number.
_TOKEN = re.compile(f"[{_HAN}]+|{_LETTER}+(?:[-'’]{_LETTER}+|(?<=\\d)[.,]\\d+)*")
_IS_HAN = re.compile(f"[{_HAN}]+")
_POINT = re.compile(r"(?<=\d)[.,](?=\d)")
_SMALL_PART = 2
_LONGEST = 64
_STEMMED = 4


def is_han(word: str) -> bool:
    """Whether a word is written in Chinese characters."""
    return _IS_HAN.fullmatch(word) is not None


def words(text: str) -> Iterator[str]:
    """Go through the words of a text, in small letters; a run of Han characters is one.

    Of a compound with a short part (t-shirt, wi-fi) the joined form comes too, since people write
    both.
    """
    for found in _TOKEN.finditer(unicodedata.normalize("NFKC", text).lower()):
        token = found.group().replace("’", "'").removesuffix("'s").replace("'", "")
        parts = token.split("-")
        # What is longer is no word; whatever begins with it is taken for the same.
        yield from (part[:_LONGEST] for part in parts if part)
        if len(parts) > 1 and min(map(len, parts)) <= _SMALL_PART:
            yield "".join(parts)[:_LONGEST]


def cut(word: str) -> Sequence[str]:
    """Cut a run of Han characters into its words, the shorter ones within them included."""
    if not is_han(word):
        return (word,)
    import jieba

    load_dictionary()
    return tuple(jieba.cut_for_search(word))


def load_dictionary() -> None:
    """Load the 350,000 words of jieba, once: over a second that no request should wait for.

    Always from the dictionary that jieba comes with. Its own way reads a cache from the directory
    for temporary files, where any user of the machine may have put another, and that in a format
    that no program should read from strangers.
    """
    import jieba

    tokenizer = jieba.dt
    with tokenizer.lock:
        if not tokenizer.initialized:
            read = tokenizer.gen_pfdict(tokenizer.get_dict_file())
            tokenizer.FREQ, tokenizer.total = read
            tokenizer.initialized = True


def bare(word: str) -> str:
    """Write a word without its accents and in small letters."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """Write one word as the index has it: without accents, in the singular, in ASCII or Han.

    A word of another alphabet is spelled by its bytes: to a tokenizer it is one word like others.
    """
    if is_han(word):
        return word
    plain = _POINT.sub("p", bare(word))
    if not plain.isascii():
        return f"u{plain.encode().hex()}"
    return _singular(plain) if plain.isalpha() else plain


def normalise(text: str) -> str:
    """Write a text as the index has it; empty if there is no word in it."""
    return " ".join(filter(None, map(fold, words(text))))


def index_words(normalised: str) -> list[str]:
    """Cut a normalised text into the words that BM25 counts."""
    return [piece for word in normalised.split() for piece in cut(word)]


def _singular(word: str) -> str:
    """The S-stemmer of Harman (1991), with the plurals in -es of English told apart."""
    if len(word) < _STEMMED or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1]
