"""Who consumed which event of the mailbox: a `listen` takes an event once, and no later one takes it again.

Branches of a fork listen for themselves: what one consumes is still there for the others."""

from __future__ import annotations

from caseway_runner.session import Session


def consume(session: Session, number: int, position: str) -> None:
    """Note that the task at `position` took the event."""
    _consumed(session).setdefault(number, []).append(position)


def is_free(session: Session, number: int, position: str) -> bool:
    """Whether the task at `position` may take the event: it did not, nor any task before it."""
    return all(are_parallel(other, position) for other in _consumed(session).get(number, ()))


def are_parallel(one: str, other: str) -> bool:
    """Whether two positions lie in different branches of one fork."""
    tokens, others = one.split("/"), other.split("/")
    pairs = enumerate(zip(tokens, others, strict=False))
    differ = next((at for at, (a, b) in pairs if a != b), None)
    return (
        differ is not None
        and differ >= 2
        and tokens[differ - 2] == "fork"
        and tokens[differ - 1] == "branches"
    )


def _consumed(session: Session) -> dict[int, list[str]]:
    if session.consumed is None:
        session.consumed = {}
        for entry in session.recorder.all_noted("received"):
            session.consumed.setdefault(entry.data["number"], []).append(entry.position.rpartition("&")[0])
    return session.consumed
