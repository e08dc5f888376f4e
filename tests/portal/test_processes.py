"""The Procfile's processes as one command: nothing is left when it ends, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# It says its own process and that of a child.
LASTING = "sleep 600 & echo started $$ $!; wait"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended while nobody waits for it is a zombie.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def start(tmp_path):
    """Start processes by name; ``command`` replaces the module's own."""
    started = []
    # Under ``nohup``, as a suite may be, SIGHUP is ignored here and in whatever is started.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def start(processes, *, command=("-m", "portal.processes"), prefix=(), **environment):
        procfile = tmp_path / "Procfile"
        procfile.write_text("".join(f"{name}: {line}\n" for name, line in processes.items()))
        process = subprocess.Popen(
            [*prefix, sys.executable, *command, "--procfile", str(procfile), *processes],
            cwd=ROOT,
            env={**os.environ, "PORT": free_port(), "SANDBOX_PORT": free_port(), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    signal.signal(signal.SIGHUP, before)
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def pids_in(process, lines=1):
    """Read until so many processes have said that they started; return their processes."""
    found = []
    while len(found) < 2 * lines:
        line = process.stdout.readline()
        assert line
        found += [int(pid) for pid in re.findall(r"\d+", line.partition("started")[2])]
    return found


def assert_gone(pids):
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_with_their_children(start, number):
    process = start({"one": LASTING, "two": LASTING})
    pids = pids_in(process, 2)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == (0 if number == signal.SIGINT else 128 + number)
    assert f"{number.name}: stopping" in output
    assert_gone(pids)


def test_a_signal_while_they_start_stops_those_that_started(start):
    process = start({"one": LASTING, **{f"more{number}": LASTING for number in range(9)}})
    pids = pids_in(process)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert_gone(pids + [int(pid) for pid in re.findall(r"\d{2,}", output)])


def test_one_that_ends_stops_the_others(start):
    process = start({"one": LASTING, "two": "echo a last word; exit 3"})
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "two | a last word" in output
    assert "two ended, exit code 3: stopping the others" in output
    assert_gone([int(pid) for pid in re.findall(r"\d{2,}", output)])


def test_one_that_does_not_heed_is_killed(start):
    script = "import sys; from portal import processes as p; p.GRACE_S = 0.5; sys.exit(p.main())"
    process = start({"deaf": f"trap '' TERM; {LASTING}"}, command=("-c", script))
    pids = pids_in(process)
    process.terminate()
    process.communicate(timeout=60)
    assert_gone(pids)


def test_they_stop_when_nobody_reads_their_output(start):
    process = start({"one": f"while sleep 0.1; do echo tick; done & {LASTING}"})
    pids = pids_in(process)
    process.stdout.close()
    process.wait(timeout=60)
    assert_gone(pids)
    process.stdout = None


def test_nohup_keeps_them_when_the_terminal_closes(start):
    process = start({"one": LASTING}, prefix=("nohup",))
    pids = pids_in(process)
    process.send_signal(signal.SIGHUP)
    assert all(map(is_running, pids))
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert "SIGTERM: stopping" in output
    assert "SIGHUP" not in output
    assert_gone(pids)


def test_the_others_start_when_release_has_ended(start, tmp_path):
    done = tmp_path / "done"
    process = start({"release": f"sleep 0.2; touch {done}", "one": f"test -e {done} && echo after"})
    assert "one | after" in process.communicate(timeout=60)[0]
    assert process.returncode == 0


def test_nothing_starts_when_release_failed(start):
    process = start({"release": "exit 4", "one": "echo one"})
    assert "one" not in process.communicate(timeout=60)[0]
    assert process.returncode == 4


def test_the_address_is_said_when_the_portal_answers_there(start):
    late = 'sleep 0.5; echo about to listen; exec python -m http.server --bind 127.0.0.1 "$PORT"'
    process = start({"web": late}, PORTAL_URL="http://portal.example.com")
    said = iter(process.stdout.readline, "")
    assert next(said) == "web | about to listen\n"
    address = next(line for line in said if not line.startswith("web"))
    assert address == "Switchboard answers at http://portal.example.com/ (Ctrl-C stops it)\n"


@pytest.mark.parametrize(("variable", "name"), [("PORT", "web"), ("SANDBOX_PORT", "sandbox")])
def test_a_port_that_is_taken_is_named_before_anything_starts(start, variable, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start({"release": "echo began", name: "echo began"}, **{variable: str(port)})
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{name} cannot listen on 127.0.0.1, port {port}" in output
    assert f"make run {variable}={port + 1}" in output
    assert "began" not in output


def test_of_two_that_start_at_once_one_names_the_other(start):
    ports = {"PORT": free_port(), "SANDBOX_PORT": free_port()}
    # While the first prepares, nobody listens on its ports.
    lines = {"release": "echo began; sleep 600", "web": "sleep 600", "sandbox": "sleep 600"}
    first = start(lines, **ports)
    assert first.stdout.readline() == "began\n"
    second = start(lines, **ports)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"Another run in {ROOT} is starting or running with port {ports['PORT']}" in output
    others = " ".join(f"{variable}={int(port) + 1}" for variable, port in ports.items())
    assert f"make run {others}; PORTAL_VAR_DIR= names" in output
    assert "began" not in output
    first.terminate()
    first.communicate(timeout=60)
    third = start({"release": "echo began", "web": "exit 0"}, **ports)
    assert "began" in third.communicate(timeout=60)[0]


def test_web_and_sandbox_cannot_share_a_port(start):
    port = free_port()
    process = start({"web": "echo began", "sandbox": "echo began"}, PORT=port, SANDBOX_PORT=port)
    assert "SANDBOX_PORT=" in process.communicate(timeout=60)[0]


def test_what_is_no_port_is_refused(start):
    process = start({"web": "echo began"}, PORT="eighty")
    assert "PORT is 'eighty', which is not a whole number" in process.communicate(timeout=60)[0]
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "HOST= must be an address of this machine"),
        ("127.0.0.1:8000", "the port is PORT"),
        ("http://localhost", "HOST is 'http://localhost', which is not an address"),
        (" ", "began"),
    ],
)
def test_a_host_that_is_none_of_this_machine_is_refused_and_a_blank_one_is_none(start, host, said):
    process = start({"web": "echo began"}, HOST=host)
    output = process.communicate(timeout=60)[0]
    assert said in output
    assert ("began" in output) == (said == "began")


def test_options_of_gunicorn_that_say_otherwise_are_refused(start):
    process = start({"web": "echo began"}, GUNICORN_CMD_ARGS="--bind=0.0.0.0:9 -w2 --reload")
    output = process.communicate(timeout=60)[0]
    assert "GUNICORN_CMD_ARGS has --bind, --workers, which the portal sets itself." in output
    assert "set HOST, PORT, WEB_WORKERS instead" in output
    assert "began" not in output
