"""Each command of the documentation is run by CI, or it stands here why not. All documents name the same version."""

import re
import shlex
import subprocess
import textwrap
import tomllib
import unittest

import documented

ROOT = documented.ROOT
# Scripts that take commands out of a document and run them as they stand there: which ones.
TAKEN = [
    (".ci/quick-start", "README.md", r"curl|cargo run -q"),
    (".ci/quick-start", "docs/authorizer.md", r"block: curl"),
    (".ci/quick-start", "docs/operations.md", r"block: curl"),
    (".ci/quick-start", "docs/functions.md", r"curl|cargo lambda (watch|invoke)"),
    ("tests/deployed/test_emulator.py", "docs/deploy.md", r"aws |block: (?!sam |smoke approve)"),
    ("tests/deployed/test_emulator.py", "docs/runbook.md", "aws "),
    ("tests/frontend/integration.test.js", "docs/integration.md", "block: "),
]
# Commands that nothing runs, by their beginnings.
EXCEPTIONS = {
    ".ci/run": "this is CI",
    "aws events start-replay": "the emulator of AWS knows no archives",
    "cargo lambda build --release --arm64": "needs Rust's standard library for arm64; run without --arm64",
    "cargo run -- --open": "needs a desktop; tests/frontend/demo.test.js has one that notes what it is to open",
    "cargo run -- --provider-url https://api.sumsub.com": "needs an account at the provider",
    'curl --aws-sigv4 "aws:amz:$AWS_REGION': "needs an AWS account",
    "cloudflared tunnel": "needs an account at the provider",
    "cargo prove --world": "repeats one history; run for all worlds",
    "cargo load --growth": "fills a table with a million users; run without",
    "cargo test --test e2e repository::": "run with all other tests; on DynamoDB Local only where its licence was accepted",
    "java -Djava.library.path": "starts DynamoDB Local, whose licence nobody accepted for CI",
    "npm install --ignore-scripts --prefix /tmp/dynamodb": "installs DynamoDB Local, whose licence nobody accepted for CI",
    "cargo test --test e2e cases": "run with all other tests",
    "cargo test --test e2e operations": "run with all other tests",
    "cargo speed --memory": "makes control groups as root",
    "rustup target add": "downloads Rust's standard library for arm64",
    "sam build": "builds for arm64; understood by the SAM CLI, see below",
    "sam delete": "needs an AWS account; understood by the SAM CLI, see below",
    "sam deploy": "needs an AWS account; understood by the SAM CLI, see below",
    "sam local": "needs Docker; understood by the SAM CLI, see below",
    "sam logs": "needs an AWS account; understood by the SAM CLI, see below",
    "sam package": "needs an AWS account; understood by the SAM CLI, see below",
    "smoke approve": "needs an account at the provider",
    "tests/deployed/first-account": "needs an AWS account; what it would run is printed, see below",
}


def simple(text):
    """The simple commands in a script or in a text of the documentation, without variables that are set for them."""
    text = re.sub(r"(^|\s)#.*", "", re.sub(r"\\\n\s*", "", text), flags=re.MULTILINE)
    for command in re.split(r"\n|&&|\|\||;|\{ |\$\((?=cargo|aws)", text):
        command = re.sub(r"^\s*((step|do|export) |\w+=(\"[^\"]*\"|'[^']*'|[^\s\"'])* )*", "", f"{command} ").strip()
        if command and not re.match(r"\w+=", command):
            yield command


def parts(command):
    """The words before the first option or argument, and the options."""
    head = re.match(r"[\w./-]+( [a-z][\w-]*)*", command)
    return head and head[0], {word.split("=")[0] for word in command.split() if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}


def runs(script, command):
    """Whether a command of a script is one of the documentation, perhaps with more options."""
    (head, options), (documented_head, documented_options) = parts(script), parts(command)
    return documented_options <= options and f"{head} ".startswith(f"{documented_head} ")


class Documentation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = []
        for document in documented.DOCUMENTS:
            name = str(document.relative_to(ROOT))
            for text, is_block in documented.shell(document.read_text()):
                cls.commands += [(name, is_block, command) for command in simple(text)]
        cls.scripts = [command for script in (ROOT / ".ci").iterdir() for command in simple(script.read_text()) if parts(command)[0]]
        # CI runs the hooks on all files.
        cls.scripts += re.findall(r"entry: ([^,]+)", (ROOT / ".pre-commit-config.yaml").read_text())

    def test_each_command_is_run_or_it_is_said_why_not(self):
        needed = set()
        for document, is_block, command in self.commands:
            found = f"block: {command}" if is_block else command
            taken = any(document == name and re.match(f"(block: )?({pattern})", found) for _, name, pattern in TAKEN)
            if not taken and not any(runs(script, command) for script in self.scripts):
                exceptions = [beginning for beginning in EXCEPTIONS if command.startswith(beginning)]
                with self.subTest(document):
                    self.assertTrue(exceptions, f"nothing runs `{command}`")
                needed.update(exceptions)
        self.assertEqual(needed, set(EXCEPTIONS), "exceptions that nothing needs")

    def test_the_scripts_take_commands_out_of_the_documents(self):
        for script, document, _ in TAKEN:
            self.assertIn(document, (ROOT / script).read_text())

    def test_the_authorizers_are_those_of_the_example(self):
        example = (ROOT / "examples/authorizer/template.yaml").read_text()
        blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/authorizer.md").read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 2)
        for block in blocks:
            self.assertIn(textwrap.indent(block, "  "), example)

    def test_the_version_is_the_same_everywhere(self):
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        self.assertIn(f"\n  version: {version}\n", (ROOT / "openapi.yaml").read_text())
        headings = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        self.assertRegex(headings[0], rf"^\[{re.escape(version)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)$")

    def test_the_script_for_a_first_account_runs_what_the_document_says(self):
        document = (ROOT / "docs/deploy.md").read_text()
        script = subprocess.run([ROOT / "tests/deployed/first-account", "--dry-run"], stdout=subprocess.PIPE, text=True, check=True).stdout
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        # Commands that need somebody at AWS, at the terminal or in the provider's dashboard are left out, or done without them.
        by_hand = ("aws service-quotas ", "sam deploy ", "CLONE=", "cat > provider.json ", "sam delete ")
        for number in (1, 3, 4, 5, 8):
            for block, is_block in documented.shell(documented.section(document, number)):
                for line in block.splitlines() if is_block and "smoke approve" not in block else ():
                    self.assertTrue(line in script.splitlines() or line.startswith(by_hand), line)
        for command in ("sam deploy --no-confirm-changeset", "sam delete --no-prompts"):
            self.assertIn(f"\n{command} --config-env dev", script)

    def test_sam_understands_what_is_asked_of_it(self):
        for command in {command for _, _, command in self.commands if command.startswith("sam ")}:
            # Options are read before help is given.
            sam = subprocess.run([*shlex.split(command), "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.assertEqual(sam.returncode, 0, f"{command}: {sam.stderr}")


if __name__ == "__main__":
    unittest.main()
