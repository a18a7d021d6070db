"""The commands of the documentation, read from it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("docs/*.md"))]
# What is a command in running text: these, with something behind them, and the scripts.
INLINE = r"`((?:aws|cargo|curl|npx|pip|python3?|rustup|sam)\s[^`]+|fuzz/run[^`]*|\.ci/[^`]+)`"


def shell(document):
    """The blocks of a document that are for a shell, and the commands in its text, in their order, and whether it is a block."""
    for language, block, command in re.findall(rf"^```(\w*)\n(.*?)^```$|{INLINE}", document, re.MULTILINE | re.DOTALL):
        if command or language == "sh":
            yield block or " ".join(command.split()), bool(block)
