"""`make crash`: the whole campaign, chaos, kill -9 under load, fuzz; exit status 1 when anything broke."""

import argparse
import random
import subprocess
import sys
import time


def main() -> int:
    """Runs each as a command of its own; with `--only NAME` one of them."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--workers", default="2", help="stages of the campaign at once")
    parser.add_argument("--only", choices=("chaos", "load", "fuzz", "campaign"))
    options = parser.parse_args()
    parts = {
        "chaos": ["--alerts", "500", "--kills", "3"],
        "load": ["--rounds", "100"],
        "fuzz": ["--bodies", "10000"],
        "campaign": ["--workers", options.workers],
    }
    broken = []
    for name, arguments in parts.items():
        if options.only in (None, name):
            sys.stdout.write(f"== {time.strftime('%H:%M')} {name}, seed {options.seed}\n")
            sys.stdout.flush()
            command = [sys.executable, "-m", f"tests.crash.{name}", "--seed", str(options.seed), *arguments]
            broken += [name] if subprocess.run(command, check=False).returncode else []
    sys.stdout.write(f"broken: {', '.join(broken) or 'nothing'}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
