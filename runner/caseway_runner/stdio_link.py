"""One end of the pipe: lines in, lines out, questions that are answered later.

Rule: a thread reads, so that an answer can be had while the event loop waits for it; whoever is at the other
end may vanish at any time, and then everything that waits hears `Gone`."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, BinaryIO

from caseway_runner.stdio_wire import BadMessage, line_of, message_in


class Gone(ConnectionError):
    """The other end has closed the pipe."""


class Refused(Exception):
    """The other end answered a question with an error; `code` says which, `facts` are all that it said."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(str(facts.get("message", "")))
        self.code = str(facts.get("code", ""))
        self.facts = facts


class Link:
    """Questions to the other end. Orders that come from there go to `on_order`, in the reading thread;
    `on_end` hears when there will be no more."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._writing = threading.Lock()
        self._asked: dict[int, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._is_gone = False

    def start(self, on_order: Callable[[dict[str, Any]], object], on_end: Callable[[], object]) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, args=(on_order, on_end), name="stdin", daemon=True).start()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message; raises `Gone`."""
        line = line_of(message)
        try:
            with self._writing:
                self._sink.write(line)
                self._sink.flush()
        except (OSError, ValueError) as error:
            raise Gone("the other end is gone") from error

    async def ask(self, what: str, **arguments: Any) -> Any:
        """The answer to a question. Raises `Refused`, `Gone`."""
        number, answer = self._put(what, arguments)
        try:
            return await asyncio.wrap_future(answer)
        except asyncio.CancelledError:
            self._asked.pop(number, None)
            self.say({"say": "drop", "id": number})
            raise

    def ask_now(self, what: str, **arguments: Any) -> Any:
        """As `ask`, holding the calling thread until the answer is there."""
        return self._put(what, arguments)[1].result()

    def _put(self, what: str, arguments: Mapping[str, Any]) -> tuple[int, Future[Any]]:
        number = next(self._numbers)
        answer: Future[Any] = Future()
        self._asked[number] = answer
        if self._is_gone:
            answer.set_exception(Gone("the other end is gone"))
        else:
            self.say({"say": "ask", "id": number, "what": what, **arguments})
        return number, answer

    def _read(self, on_order: Callable[[dict[str, Any]], object], on_end: Callable[[], object]) -> None:
        try:
            for line in self._source:
                message = message_in(line)
                if message.get("do") == "answer":
                    self._answer(message)
                else:
                    on_order(message)
        except (OSError, ValueError, BadMessage):
            pass  # a broken pipe and a broken line end the conversation alike
        self._is_gone = True
        for answer in list(self._asked.values()):
            _settle(answer, error=Gone("the other end is gone"))
        on_end()

    def _answer(self, message: Mapping[str, Any]) -> None:
        answer = self._asked.pop(int(message.get("id", 0)), None)
        if answer is None:
            return  # whoever asked does not wait any more
        if "error" in message:
            _settle(answer, error=Refused(message["error"]))
        else:
            _settle(answer, value=message.get("value"))


def _settle(answer: Future[Any], *, value: Any = None, error: Exception | None = None) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)
