"""Makes template.yaml use restored tables (docs/deploy.md): restored.py PREFIX

Of users and history each table gets another logical id, so that CloudFormation imports what exists, and the name PREFIX-ID with the id that it
had. CloudFormation imports nothing else than what it retains; the other tables stay as they are. Outputs keep their names.
Done again, the ids are what they were at first.
"""

import pathlib
import re
import sys

TEMPLATE = pathlib.Path(__file__).parents[2] / "template.yaml"
TABLE = r"^  ((?:Restored)?(?:Users|History)Table):\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n(?:    .*\n)*?    Properties:\n"


def renamed(template, prefix):
    template = re.sub(r"^      TableName: .*\n", "", template, flags=re.MULTILINE)
    template = re.sub(TABLE, rf"\g<0>      TableName: {prefix}-\1\n", template, flags=re.MULTILINE)
    resources, outputs = template.split("\nOutputs:\n")
    for table in re.findall(TABLE, template, re.MULTILINE):
        other = table.removeprefix("Restored") if table.startswith("Restored") else f"Restored{table}"
        resources = re.sub(rf"(?<!-)\b{table}\b", other, resources)
        outputs = re.sub(rf"\b{table}\b(?!:)", other, outputs)
    return f"{resources}\nOutputs:\n{outputs}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case [prefix]:
            TEMPLATE.write_text(renamed(TEMPLATE.read_text(), prefix))
        case _:
            sys.exit(__doc__)
