"""Plays the shared script with redis-py, and shows what is particular to redis-py.

Run by `make test-clients`; by hand: play.py PORT LOSSY_PORT, on a server with fw.test-clock yes.
"""

import json
import pathlib
import sys

import redis

SCRIPT = pathlib.Path(__file__).parent.parent / "script.json"
PORT, LOSSY_PORT = map(int, sys.argv[1:3])


def code(error):
    """The code of an error: redis-py drops the word ERR, and has a class of its own for OOM."""
    if isinstance(error, redis.OutOfMemoryError):
        return "OOM"
    word = str(error).split(" ")[0]
    return word if word.isupper() else "ERR"


def words(command):
    """A command of the script, as bytes."""
    parts = command.split(" ") if isinstance(command, str) else command
    return [part.encode("latin-1") for part in parts]


def plain(reply):
    """A reply as the script writes it."""
    if isinstance(reply, redis.RedisError):
        return {"error": code(reply)}
    if isinstance(reply, bytes):
        return reply.decode("latin-1")
    if isinstance(reply, dict):
        return {plain(key): plain(value) for key, value in reply.items()}
    if isinstance(reply, list):
        return [plain(value) for value in reply]
    # redis-py makes True of the OK of SET and CONFIG SET.
    return "OK" if reply is True else reply


def expected(value, resp):
    """What the script writes, as redis-py shows it: integers are exact, RESP2 maps are lists."""
    if isinstance(value, list):
        return [expected(item, resp) for item in value]
    if not isinstance(value, dict) or "error" in value:
        return value
    if "integer" in value:
        return int(value["integer"])
    pairs = [(key, expected(item, resp)) for key, item in value.items()]
    return dict(pairs) if resp == 3 else [item for pair in pairs for item in pair]


def run(client, step):
    if "do" in step:
        try:
            return client.execute_command(*words(step["do"]))
        except redis.RedisError as error:
            return error
    pipe = client.pipeline(transaction="multi" in step)
    for command in step.get("pipeline") or step["multi"]:
        pipe.execute_command(*words(command))
    # Without raise_on_error=False the first error is raised, and the other replies are lost.
    return pipe.execute(raise_on_error=False)


def play(resp):
    text = redis.Redis(port=PORT, protocol=resp, decode_responses=True)
    raw = redis.Redis(port=PORT, protocol=resp)
    text.flushall()
    for step in json.loads(SCRIPT.read_text()):
        if "section" not in step:
            reply = run(raw if step.get("bytes") else text, step)
            wanted = expected(step["get"], resp)
            assert plain(reply) == wanted, f"RESP{resp} {step}\n  {reply!r}"


def in_one_line_each():
    key = "acct:py"
    r = redis.Redis(port=PORT, decode_responses=True)
    verdict, policy, limit, remaining, reset_ms, retry_after_ms = r.execute_command("FW.ADMIT", key)
    assert (verdict, policy, limit, remaining) == ("OK", "requests", 600, 599)
    assert (reset_ms, retry_after_ms) == (60000, 0)
    spent = r.execute_command("FW.SPEND", key, "0.25", "ID", "evt-1")[1]
    assert spent == "0.25"
    account = r.execute_command("FW.GET", key)  # account["spent"]
    assert account["spent"] == "0.25" and account["blocked_reason"] is None
    assert r.execute_command("FW.ADMIT", key, "COST", 2)[3] == 597
    try:
        r.execute_command("FW.VOID", key, "nothing")
    except redis.ResponseError as error:
        assert str(error).startswith("NOHOLD ")
    else:
        raise AssertionError("an error is raised")


def bytes_unless_decoded():
    r = redis.Redis(port=PORT)
    assert r.execute_command("FW.ADMIT", "acct:py")[:2] == [b"OK", b"requests"]
    r.execute_command("FW.ADMIT", b"\xff", "HOLD", b"\xfe", "1")
    assert r.execute_command("FW.HOLDS", b"\xff")[0][b"id"] == b"\xfe"
    decoding = redis.Redis(port=PORT, decode_responses=True)
    try:
        decoding.execute_command("FW.HOLDS", b"\xff")
    except UnicodeDecodeError:
        pass
    else:
        raise AssertionError("decode_responses wants UTF-8")


def sends_again_by_itself():
    """redis-py repeats a command whose reply was lost: the ID keeps it from being charged twice."""
    r = redis.Redis(port=LOSSY_PORT, decode_responses=True)
    assert r.get_retry().get_retries() == 10
    reply = r.execute_command("FW.SPEND", "acct:lossy", "1", "ID", "evt-1")
    assert reply[:2] == ["DUPLICATE", "1"], reply


for version in (2, 3):
    play(version)
in_one_line_each()
bytes_unless_decoded()
sends_again_by_itself()
print(f"redis-py {redis.__version__} plays the script")
