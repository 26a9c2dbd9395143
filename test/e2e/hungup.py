# Runs a command whose standard streams are a terminal that was hung up before: hungup.py COMMAND ARGS... Its exit status is the command's.
import os
import pty
import subprocess
import sys

terminal, end = pty.openpty()
os.close(terminal)
sys.exit(subprocess.run(sys.argv[1:], stdin=end, stdout=end, stderr=end, start_new_session=True).returncode)
