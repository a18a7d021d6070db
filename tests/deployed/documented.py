"""The commands of the documentation, read from it.

documented.py DOCUMENT SECTION…     prints the blocks for a shell in those sections, by the number of their heading
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("docs/*.md"))]
# Commands in running text: these, with something behind them, and the scripts.
INLINE = r"`((?:aws|cargo|curl|npx|pip|python3?|rustup|sam)\s[^`]+|fuzz/run[^`]*|\.ci/[^`]+|tests/deployed/first-account[^`]*)`"


def shell(document):
    """The blocks of a document that are for a shell, and the commands in its text, in their order, and whether it is a block."""
    for language, block, command in re.findall(rf"^```(\w*)\n(.*?)^```$|{INLINE}", document, re.MULTILINE | re.DOTALL):
        if command or language == "sh":
            yield block or " ".join(command.split()), bool(block)


def section(document, number):
    """The text under a heading with a number."""
    return re.search(rf"^## {number}\. .*?(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)[0]


if __name__ == "__main__":
    match sys.argv[1:]:
        case [document, number, *numbers]:
            text = pathlib.Path(document).read_text()
            for each in (number, *numbers):
                print("".join(block for block, is_block in shell(section(text, each)) if is_block), end="")
        case _:
            sys.exit(__doc__)
