"""What a model thinks is told from what it answers."""

import pytest

from flowkeys.flows.models.reasoning import Thoughts, without_thoughts

SPLIT = {
    "<think>a</think>b": ("a", "b"),
    "<think>a</think>\n\nb\n": ("a", "b\n"),
    " \n<think>\na\n</think>b": ("\na\n", "b"),
    "<THINK>a</Think>b": ("a", "b"),
    "<thinking>a</thinking>b": ("a", "b"),
    "<thought>a</thought>b": ("a", "b"),
    "<think>a</thinking >b": ("a", "b"),
    "<think></think>b": ("", "b"),
    "<think>a</think>\n<think>c</think>b": ("ac", "b"),
    "<think>a <b> </i> < / </thin k> </think>b": ("a <b> </i> < / </thin k> ", "b"),
    "<think>a<think>c</think>b</think>": ("a<think>c", "b</think>"),
    '<think time="3">a</think>b': ("a", "b"),
    "<think >a</think >b": ("a", "b"),
    "[THINK]a[b] </[/THINK]c": ("a[b] </", "c"),
    "◁think▷a◁/think▷b": ("a", "b"),
    "<seed:think>a</seed:think>b": ("a", "b"),
    "<|begin_of_thought|>a<|end_of_thought|>\nb": ("a", "b"),
    "<|channel|>analysis<|message|>a<|end|>b<|end|><|start|>assistant<|channel|>final<|message|>c": (
        "a<|end|>b",
        "c",
    ),
    "[Think again": ("", "[Think again"),
    "<think a < b": ("", "<think a < b"),
    "<think>a": ("a", ""),
    "<think>a</thi": ("a</thi", ""),
    "<think>": ("", ""),
    "a<think>b</think>": ("", "a<think>b</think>"),
    "Use <think> for it": ("", "Use <think> for it"),
    "<thinker>a</thinker>": ("", "<thinker>a</thinker>"),
    "<thi": ("", "<thi"),
    "<p>a</p>": ("", "<p>a</p>"),
    "  a": ("", "  a"),
    " \n": ("", " \n"),
    "</think>a": ("", "</think>a"),
    "": ("", ""),
}


@pytest.mark.parametrize("text", SPLIT)
def test_thoughts_are_told_from_the_answer_wherever_pieces_end(text: str) -> None:
    """At the beginning alone, in any case, ended or not; cut in two everywhere, and into characters."""
    cuts = [[text[:at], text[at:]] for at in range(len(text) + 1)]
    for pieces in [*cuts, list(text)]:
        thoughts = Thoughts()
        parts = [thoughts.feed(piece) for piece in pieces if piece] + [thoughts.finish()]
        assert ("".join(a for a, _ in parts), "".join(b for _, b in parts)) == SPLIT[text]
    assert without_thoughts(text) == SPLIT[text][1]


def test_an_answer_that_thinks_nothing_does_not_wait() -> None:
    """Its first piece goes out as it is."""
    thoughts = Thoughts()
    assert thoughts.feed("<b") == ("", "<b")
    assert thoughts.feed("<think>") == ("", "<think>")
    assert Thoughts().feed("\n" * 2000) == ("", "\n" * 2000)
