"""What a hostile task does in its container stays there, and ends with it."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace

import pytest
from containers_world import SMALL, a_document, a_job, a_place, a_script, a_shell, left, run_job

import caseway_runner as runner
from caseway.containers.errors import ContainerFailed, ContainerLost
from caseway.containers.executor import ContainerExecutor, Surroundings
from caseway.containers.sandbox import MB, Network
from caseway.containers.warmth import Mode, Warmth


@pytest.fixture(autouse=True)
def nothing_stays(engine):
    """No test of these leaves a container."""
    yield
    assert left(engine) == []


def run_script(engine, image, code, **more):
    outcome = run_job(engine, a_job(a_document(a_script(code)), a_place(image, **more)))
    assert outcome.status == "completed", outcome.error
    return outcome.output


FORKING = """
import os, time
count = 0
try:
    while count < 1000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError as error:
    print(count, error.errno)
"""


def test_a_fork_bomb_meets_the_bound_on_processes(engine, runtime_image):
    count, errno = run_script(engine, runtime_image, FORKING).split()
    assert int(count) < SMALL.processes
    assert int(errno) == 11  # EAGAIN


def test_a_shell_s_fork_bomb_ends_with_the_execution(engine, runtime_image):
    document = a_document(a_shell("bomb() { bomb | bomb & }; bomb; sleep 1; echo survived"))
    policy = runner.Policy(limits=runner.Limits(wall_seconds=20))
    outcome = run_job(engine, a_job(document, a_place(runtime_image)), policy=policy)
    assert outcome.status in {"completed", "faulted"}


def test_a_memory_bomb_is_killed_and_the_runner_lives_to_say_so(engine, runtime_image):
    caught = {
        "try": [a_script("x = bytearray(3_000_000_000)")],
        "catch": {"do": [{"after": {"set": {"a": 1}}}]},
    }
    outcome = run_job(engine, a_job(a_document({"t": caught}), a_place(runtime_image)))
    assert (outcome.status, outcome.output) == ("completed", {"a": 1})


def test_a_container_out_of_memory_is_a_typed_error(engine, runtime_image):
    small = replace(SMALL, memory_bytes=96 * MB)
    policy = runner.Policy(limits=runner.Limits(output_bytes=10**9))
    flood = a_shell("head -c 300000000 /dev/zero")  # the runner keeps what a task prints
    with pytest.raises(ContainerFailed) as refused:
        run_job(engine, a_job(a_document(flood), a_place(runtime_image, resources=small)), policy=policy)
    assert refused.value.code == "out-of-memory"
    assert "96 MB" in refused.value.message


def test_filling_the_disk_is_an_error_of_the_task(engine, runtime_image):
    fill = a_shell("dd if=/dev/zero of=/tmp/big bs=1M count=100 2>&1; rm -f /tmp/big; echo and on")
    outcome = run_job(engine, a_job(a_document(fill), a_place(runtime_image)))
    assert "No space left on device" in outcome.output
    assert outcome.output.endswith("and on\n")


def test_a_full_scratch_folder_faults_the_next_script(engine, runtime_image):
    fill = a_shell("dd if=/dev/zero of=/tmp/big bs=1M count=100 2>/dev/null; true", "fill")
    outcome = run_job(engine, a_job(a_document(fill, a_script("print('x' * 9)")), a_place(runtime_image)))
    assert outcome.status == "faulted"
    assert "space" in outcome.error.detail


def test_the_root_cannot_be_written(engine, runtime_image):
    tries = "for f in /x /etc/passwd /usr/bin/x /opt/caseway/runner/start.py; do echo > $f; done 2>&1; true"
    outcome = run_job(engine, a_job(a_document(a_shell(tries)), a_place(runtime_image)))
    assert outcome.output.count("\n") == 4
    assert "Read-only file system" in outcome.output or "Permission denied" in outcome.output


PRIVILEGES = """
import ctypes, json, os, re
status = open('/proc/self/status').read()
names = ('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp')
found = {name: re.search(name + r':\\s*(\\S+)', status)[1] for name in names}
c = ctypes.CDLL(None, use_errno=True)
tried = [c.mount(b'x', b'/tmp', b'tmpfs', 0, None), c.unshare(0x10000000), c.unshare(0x20000)]
tried += [c.chroot(b'/tmp'), c.setuid(0)]
print(json.dumps([found, [os.getuid(), os.getgid(), os.getgroups()], tried]))
"""


def test_there_is_no_privilege_to_be_had(engine, runtime_image):
    found, who, tried = json.loads(run_script(engine, runtime_image, PRIVILEGES))
    nothing = "0" * 16
    assert found == {
        "CapEff": nothing,
        "CapPrm": nothing,
        "CapBnd": nothing,
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }
    assert who == [10001, 10001, [10001]]
    assert tried == [-1] * 5


def test_there_is_no_engine_s_socket(engine, runtime_image):
    look = "ls /var/run/docker.sock /run/docker.sock /run/containerd 2>/dev/null; env | grep -i docker; true"
    outcome = run_job(engine, a_job(a_document(a_shell(look)), a_place(runtime_image)))
    assert outcome.output == ""


CONNECTING = """
import json, socket
found = []
for host, port in json.loads(where):
    try:
        socket.create_connection((host, port), timeout=2).close()
        found.append([host, 'reached'])
    except OSError as error:
        found.append([host, 'refused'])
print(json.dumps(found))
"""


def reached(engine, image, *where: tuple[str, int], **more) -> list[str]:
    """Which of these a script of a container connects to."""
    code = f"where = {json.dumps(json.dumps(where))}\n" + CONNECTING
    found = json.loads(run_script(engine, image, code, **more))
    return [host for host, how in found if how == "reached"]


@pytest.mark.parametrize("network", [Network.NONE, Network.HOSTS])
def test_the_machine_s_metadata_is_out_of_reach(engine, runtime_image, network):
    where = [("169.254.169.254", 80), ("169.254.170.2", 80), ("fd00:ec2::254", 80)]
    assert reached(engine, runtime_image, *where, network=network) == []


@pytest.mark.parametrize("network", [Network.NONE, Network.HOSTS])
def test_the_host_s_network_is_out_of_reach(engine, runtime_image, network):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        where = [("127.0.0.1", port), ("172.17.0.1", port), ("host.docker.internal", port), ("1.1.1.1", 53)]
        assert reached(engine, runtime_image, *where, network=network) == []


def test_a_container_has_no_network_but_its_own_loopback(engine, runtime_image):
    look = "cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '; cat /proc/net/route | wc -l; hostname"
    outcome = run_job(engine, a_job(a_document(a_shell(look)), a_place(runtime_image)))
    interfaces, routes, name = outcome.output.split()
    assert (interfaces, routes) == ("lo", "1")
    assert name != socket.gethostname()


def test_with_a_bridge_the_host_s_loopback_stays_its_own(engine, runtime_image):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert reached(engine, runtime_image, ("127.0.0.1", port), network=Network.BRIDGE) == []


def test_a_link_out_of_the_scratch_folder_leads_nowhere_but_into_the_container(
    engine, runtime_image, tmp_path
):
    (tmp_path / "host").write_text("of the host")
    links = (
        f"ln -s / /tmp/out; ln -s {tmp_path}/host /tmp/host; ln -s /proc/1/root /tmp/first; "
        "echo x > /tmp/out/etc/passwd; cat /tmp/host; ls /tmp/first/; "
        f"cat /proc/1/root{tmp_path}/host /proc/self/root{tmp_path}/host; echo done"
    )
    outcome = run_job(engine, a_job(a_document(a_shell(f"({links}) 2>&1")), a_place(runtime_image)))
    assert "of the host" not in outcome.output
    assert "Read-only file system" in outcome.output or "Permission denied" in outcome.output
    assert outcome.output.endswith("done\n")


def test_a_link_left_behind_does_not_lead_the_cleaning_astray(engine, runtime_image):
    """What is emptied between two executions is the scratch folder, and not what a link in it names."""
    place = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN))
    leave = a_document(a_shell("ln -s /opt/caseway /tmp/a; ln -s / /tmp/b; mkfifo /tmp/c; echo left"))

    async def run() -> list[runner.Outcome]:
        async with ContainerExecutor(engine) as executor:
            ended = []
            for document in (leave, a_document(a_shell("ls -A /tmp | grep -v caseway; echo looked"))):
                ended.append(await executor.execute(a_job(document, place), runner.Ports()))
                await executor.settle()
            return ended

    assert [outcome.output for outcome in asyncio.run(run())] == ["left\n", "looked\n"]


PRYING = """
import os
runner = os.getppid()
for name in ('fd/0', 'fd/1', 'environ', 'mem', 'cwd/x'):
    try:
        open(f'/proc/{runner}/{name}', 'rb+' if name.startswith('fd') else 'rb').read(1)
        print(name, 'open')
    except OSError as error:
        print(name, 'closed')
"""


def test_the_runner_s_pipes_and_memory_are_closed_to_its_tasks(engine, runtime_image):
    said = run_script(engine, runtime_image, PRYING)
    assert {line.split()[1] for line in said.splitlines()} == {"closed"}


def test_killing_the_container_s_first_process_does_nothing(engine, runtime_image):
    outcome = run_job(engine, a_job(a_document(a_shell("kill -9 1; echo on")), a_place(runtime_image)))
    assert outcome.output == "on\n"


@pytest.mark.parametrize("signal", ["HUP", "INT", "TERM", "KILL", "USR1", "QUIT"])
def test_a_signal_to_all_that_can_be_signalled_harms_no_other_execution(engine, runtime_image, signal):
    """It may cost the sender its own container; nothing else can be signalled from there."""
    document = a_document(a_shell(f"trap '' {signal}; kill -{signal} -1; echo sent"))
    place = a_place(runtime_image)

    async def both() -> tuple[runner.Outcome, list[object]]:
        async with ContainerExecutor(engine) as executor:
            quiet = a_job(a_document(a_shell("sleep 1; echo unharmed")), place, id="run-2")
            other = asyncio.create_task(executor.execute(quiet, runner.Ports()))
            sender = executor.execute(a_job(document, place), runner.Ports())
            how = await asyncio.gather(sender, return_exceptions=True)
            return await other, how

    other, (sender,) = asyncio.run(both())
    assert other.output == "unharmed\n"
    assert isinstance(sender, runner.Outcome | ContainerLost | ContainerFailed), sender


def test_no_process_of_the_machine_is_seen(engine, runtime_image):
    count = run_script(
        engine, runtime_image, "import os; print(sum(n.isdigit() for n in os.listdir('/proc')))"
    )
    assert int(count) <= 4  # the init process, the runner, the task's two


def test_killing_the_runner_loses_the_container_and_says_so(engine, runtime_image):
    with pytest.raises(ContainerLost) as refused:
        run_job(engine, a_job(a_document(a_shell("kill -9 $PPID; sleep 5")), a_place(runtime_image)))
    assert refused.value.code == "container-lost"


def test_stopping_the_runner_does_not_stop_the_clock(engine, runtime_image):
    policy = runner.Policy(limits=runner.Limits(wall_seconds=1))
    job = a_job(a_document(a_shell("kill -STOP $PPID; sleep 600")), a_place(runtime_image))

    async def run() -> runner.Outcome:
        async with ContainerExecutor(engine, Surroundings(grace=0.5)) as executor:
            return await executor.execute(job, runner.Ports(policy=policy))

    with pytest.raises(ContainerFailed) as refused:
        asyncio.run(run())
    assert refused.value.code == "out-of-time"


def test_what_a_task_leaves_running_dies_before_the_next_execution(engine, runtime_image):
    hide = (
        "(setsid sh -c 'while true; do echo mine > /tmp/found; sleep 0.01; done' >/dev/null 2>&1 &) ; echo ok"
    )
    place = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN))

    async def twice() -> tuple[runner.Outcome, runner.Outcome, int]:
        async with ContainerExecutor(engine) as executor:
            first = await executor.execute(a_job(a_document(a_shell(hide)), place), runner.Ports())
            await executor.settle()
            waiting = executor.pool.waiting(place)
            look = a_document(a_shell("cat /tmp/found 2>/dev/null; ls -A /tmp /dev/shm"))
            return first, await executor.execute(a_job(look, place), runner.Ports()), waiting

    first, second, waiting = asyncio.run(twice())
    assert (first.output, waiting) == ("ok\n", 1)
    assert "found" not in second.output
    assert "mine" not in second.output


def test_shared_memory_left_behind_costs_the_container_its_reuse(engine, runtime_image):
    code = "import ctypes; print(ctypes.CDLL(None).shmget(4242, 4096, 0o1666) >= 0)"
    place = a_place(runtime_image, warmth=Warmth(Mode.IDLE_SHUTDOWN))

    async def run() -> tuple[runner.Outcome, int]:
        async with ContainerExecutor(engine) as executor:
            outcome = await executor.execute(a_job(a_document(a_script(code)), place), runner.Ports())
            await executor.settle()
            return outcome, executor.pool.waiting(place)

    outcome, waiting = asyncio.run(run())
    assert (outcome.output, waiting) == ("True\n", 0)


def test_one_execution_does_not_see_the_scratch_of_another_at_the_same_time(engine, runtime_image):
    place = a_place(runtime_image)
    write = a_document(a_shell("echo mine > /tmp/mine; sleep 1; echo written"))
    look = a_document(a_shell("sleep 0.5; find / -name mine 2>/dev/null; ls /tmp | grep -v caseway; true"))

    async def both() -> list[runner.Outcome]:
        async with ContainerExecutor(engine) as executor:
            jobs = [a_job(write, place, id="run-1"), a_job(look, place, id="run-2")]
            return await asyncio.gather(*(executor.execute(job, runner.Ports()) for job in jobs))

    first, second = asyncio.run(both())
    assert (first.output, second.output) == ("written\n", "")


def test_open_files_are_bounded(engine, runtime_image):
    code = """
kept = []
try:
    while True:
        kept.append(open('/dev/null'))
except OSError as error:
    print(error.errno)
"""
    assert run_script(engine, runtime_image, code, resources=replace(SMALL, open_files=256)) == "24\n"
