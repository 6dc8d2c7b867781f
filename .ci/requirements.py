"""Print requirements from pyproject.toml, for CI: with the lowest versions allowed, or without some packages.

python .ci/requirements.py lowest            constraints: name==lowest version of each direct dependency
python .ci/requirements.py without trio ...  the dependencies but for these
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
FORM = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^]]*\])?\s*(?:>=\s*(?P<lowest>[0-9.]+))?")


def parse(requirement: str) -> re.Match[str]:
    """Return the name and the lowest version of a requirement; its marker is left out."""
    found = FORM.match(requirement)
    assert found, requirement
    return found


def main(mode: str, *names: str) -> None:
    """Print one requirement a line."""
    if mode == "lowest":
        wanted = map(parse, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
        print("\n".join(f"{one['name']}=={one['lowest']}" for one in wanted if one["lowest"]))
    elif mode == "without":
        kept = [one for one in PROJECT["dependencies"] if parse(one)["name"] not in names]
        print("\n".join(kept))
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
