# Runs a command on a terminal of its own: terminal.py STEPS COMMAND ARGS... where STEPS is JSON, each ["expect", TEXT] or
# ["send", TEXT]. Prints JSON: all that the command wrote, and how it ended.
import json
import os
import pty
import select
import sys

DEADLINE_S = 30

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

output = b""


def more():
    """False when the command has closed the terminal, or says nothing for too long."""
    global output
    if not select.select([terminal], [], [], DEADLINE_S)[0]:
        return False
    try:
        got = os.read(terminal, 65536)
    except OSError:
        return False
    output += got
    return len(got) > 0


for what, text in steps:
    if what == "send":
        os.write(terminal, text.encode())
    while what == "expect" and text.encode() not in output and more():
        pass
while more():
    pass
_, status = os.waitpid(pid, 0)
print(json.dumps({"output": output.decode(), "status": os.waitstatus_to_exitcode(status)}))
