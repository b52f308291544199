"""The parts without effects: sandboxes, warmth, shapes, lines."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.containers.conversation import LineBuffer
from caseway.containers.owner import LABEL, is_gone, this_owner
from caseway.containers.sandbox import MB, Capacity, Network, Resources, gpu_request, hardened
from caseway.containers.shapes import resources_from, sandbox_from, warmth_from
from caseway.containers.warmth import Mode, Warmth, Window


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(st.lists(st.binary(max_size=8), max_size=20))
def test_lines_are_the_same_however_they_are_cut(pieces):
    buffer = LineBuffer()
    found = [line for piece in pieces for line in buffer.lines(piece)]
    assert found == b"".join(pieces).split(b"\n")[:-1]
    assert buffer.size == len(b"".join(pieces).split(b"\n")[-1])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T21:59", False),  # a Friday
        ("2026-11-20T22:00", True),
        ("2026-11-21T05:59", True),  # began on Friday
        ("2026-11-21T06:00", False),
        ("2026-11-21T23:00", False),  # a Saturday
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_starts(moment, expected):
    window = Window(time(22), time(6), frozenset({"fri"}))
    assert window.is_open(at(moment)) is expected


def test_a_window_is_meant_in_its_own_time_zone():
    window = Window(time(7), time(19), timezone="Europe/Berlin")
    assert window.is_open(at("2026-11-20T06:30"))
    assert not window.is_open(at("2026-11-20T18:30"))


@pytest.mark.parametrize(
    ("warmth", "least"),
    [
        (Warmth(), 0),
        (Warmth(Mode.IDLE_SHUTDOWN, least=2, most=3), 0),
        (Warmth(Mode.ALWAYS_ON, least=2, most=3), 2),
        (Warmth(Mode.SCHEDULED, least=2, most=3, window=Window(time(0), time(1))), 0),
        (Warmth(Mode.SCHEDULED, least=2, most=3, window=Window(time(11), time(13))), 2),
    ],
)
def test_how_many_are_ready_follows_from_the_mode(warmth, least):
    assert warmth.least_at(at("2026-11-20T12:00")) == least


def test_everything_is_closed_that_is_not_asked_for():
    settings = hardened(Resources(), Capacity(cpus=2))
    assert settings["read_only"]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["memswap_limit"] == settings["mem_limit"] == 1000 * MB
    assert "device_requests" not in settings


def test_gpus_are_a_device_request_with_their_type():
    assert gpu_request(Resources(gpus=2, gpu_type="a100")) == {
        "Driver": "",
        "Count": 2,
        "Capabilities": [["gpu"]],
        "Options": {"type": "a100"},
    }


def test_more_cpus_than_there_are_is_bounded():
    asked = Resources(cpus=8, disk_bytes=1 * MB)
    assert hardened(asked, Capacity(cpus=2))["nano_cpus"] == 2_000_000_000


def test_what_documents_say_becomes_a_sandbox():
    sandbox = sandbox_from("img", "acme", {"network": "bridge"}, {"memory": "2GB", "gpu": 1, "gpuType": "t4"})
    assert (sandbox.network, sandbox.resources.memory_bytes, sandbox.resources.gpu_type) == (
        Network.BRIDGE,
        2 * 10**9,
        "t4",
    )
    warmth = warmth_from(
        {"mode": "scheduled", "least": 3, "idle": "90s", "window": {"start": "07:00", "end": "19:00"}}
    )
    assert (warmth.most, warmth.idle_seconds, warmth.window) == (3, 90.0, Window(time(7), time(19)))
    assert resources_from({}) == Resources()


def test_this_process_is_not_gone_and_another_start_of_its_number_is():
    assert not is_gone({LABEL: this_owner().text})
    machine, pid, _ = this_owner().text.rsplit(":", 2)
    assert is_gone({LABEL: f"{machine}:{pid}:1"})
    assert not is_gone({LABEL: f"elsewhere:{pid}:1"})
