"""Look a folder of packages up in the advisory database of PyPI, with pip-audit; exit 1 if one has a known weakness.

Where the database cannot be reached, nothing is known, which is said and is no failure: a machine without that way
out must still be able to run the tests.
"""

import json
import subprocess
import sys
from typing import Any

SECONDS = 240


def verdict(report: dict[str, Any]) -> tuple[list[str], int, int]:
    """Read pip-audit's JSON: one line for each known weakness, how many packages were looked up, and how many not."""
    looked_up = [each for each in report["dependencies"] if "vulns" in each]
    found = [
        f"{each['name']} {each['version']}: {weakness['id']}, "
        f"{'mended in ' + ', '.join(weakness['fix_versions']) if weakness['fix_versions'] else 'not mended yet'}"
        for each in looked_up
        for weakness in each["vulns"]
    ]
    return found, len(looked_up), len(report["dependencies"]) - len(looked_up)


def main() -> None:
    """Audit the packages in the folder that is given."""
    command = [sys.executable, "-m", "pip_audit", "--path", sys.argv[1], "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        found, looked_up, unknown = verdict(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError) as error:
        print(f"audit: the advisory database could not be asked ({type(error).__name__})")
        return
    for line in found:
        print(line)
    print(f"audit: {looked_up} packages looked up, {unknown} could not be, {len(found)} known weaknesses")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
