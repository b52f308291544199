"""What the processes of tasks write is heard line by line, as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from caseway_runner import Line, SystemClock
from caseway_runner.lines import LONGEST, Splitter
from runner.running import a_workflow, processes_allowed, run


def heard(command: str) -> list[Line]:
    lines: list[Line] = []
    document = a_workflow({"step": {"run": {"shell": {"command": command}}}})
    run(document, {}, policy=processes_allowed(), on_line=lines.append, clock=SystemClock())
    return lines


def test_each_line_comes_with_its_stream_and_its_task() -> None:
    found = heard("echo one; echo two >&2; printf three")
    assert sorted((line.stream, line.text) for line in found) == [
        ("stderr", "two"),
        ("stdout", "one"),
        ("stdout", "three"),
    ]
    assert {line.reference for line in found} == {"/do/0/step"}


def test_what_a_failing_process_wrote_is_heard_as_well() -> None:
    assert [line.text for line in heard("echo before; exit 7")] == ["before"]


def test_a_stubbed_process_writes_nothing() -> None:
    assert heard("true") == []


@given(st.text(), st.data())
def test_lines_are_the_same_wherever_the_chunks_end(text: str, data: st.DataObject) -> None:
    whole = text.encode()
    cut = data.draw(st.integers(0, len(whole)))
    at_once, in_two = Splitter(), Splitter()
    expected = [*at_once.feed(whole), *at_once.end()]
    assert [*in_two.feed(whole[:cut]), *in_two.feed(whole[cut:]), *in_two.end()] == expected


@given(st.text(alphabet="abc\n", max_size=200))
def test_nothing_is_lost(text: str) -> None:
    splitter = Splitter()
    assert [*splitter.feed(text.encode()), *splitter.end()] == text.removesuffix("\n").split(
        "\n"
    ) or text in {"", "\n"}


def test_a_line_without_end_comes_in_pieces() -> None:
    splitter = Splitter()
    pieces = [*splitter.feed(b"x" * (LONGEST * 2 + 5)), *splitter.end()]
    assert [len(piece) for piece in pieces] == [LONGEST, LONGEST, 5]
