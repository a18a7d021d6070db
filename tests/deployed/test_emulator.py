"""The template, deployed to an emulator of AWS (MiniStack), and all functions used there.

Requests go through its API Gateway to the functions' binaries. They use its DynamoDB and Secrets Manager as the roles of the
template, which it holds to their policies: actions and resources. Which attributes may be written it does not look at;
`cargo run` does, and `local/stack/tests/permissions.rs` tests that.
"""

import contextlib
import hmac
import io
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
import urllib.error
import urllib.request
import zipfile

import boto3
import botocore.exceptions
import documented
import restored
import smoke
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).parents[2]
STACK = "kyc-api"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
# Everything that can be switched on, and a provider where nobody listens.
PARAMETERS = {
    "AlarmEmail": "on-call@example.com",
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-4000-8000-000000000000",
    "DomainName": "api.example.com",
    "ProviderUrl": "http://127.0.0.1:9",
    "ReservedConcurrency": "10",
}
WEBHOOK_SECRET = b"of the webhook"


def functions(template):
    return {resource["Metadata"]["BuildProperties"]["Binary"]: resource["Properties"]
            for resource in template["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"}


def for_the_emulator(endpoint, text=restored.TEMPLATE.read_text()):
    """The template with functions that use the emulator, and without what it cannot do. All of that stands here with the reason;
    everything else is deployed as it is."""
    template = yaml_parse(text)
    # It has no CodeDeploy: versions go live at once.
    del template["Globals"]["Function"]["DeploymentPreference"]
    # It makes the firewall, but cannot put it before an API, and the firewall logs nothing.
    for resource in ("FirewallAssociation", "FirewallLog"):
        del template["Resources"][resource]
    # It knows no archives.
    for section in ("Resources", "Outputs"):
        del template[section]["EventArchive"]
    # Its alarms know no expressions: they watch the first metric instead.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            of = next(metric["MetricStat"] for metric in resource["Properties"].pop("Metrics") if "MetricStat" in metric)
            resource["Properties"].update(of["Metric"], Statistic=of["Stat"], Period=of["Period"])
    # The emulator ignores a table's time to live: `deploy` sets it.
    # A Ref to a secret stands for its name there; on AWS, and in policies, it is its ARN.
    for properties in functions(template).values():
        statement = properties["Policies"][0]["Statement"][0]
        secrets = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        statement["Resource"] = [{"Fn::GetAtt": [secret["Ref"], "Id"]} for secret in secrets]
    for service in ("DYNAMODB", "SECRETS_MANAGER"):
        template["Globals"]["Function"]["Environment"]["Variables"][f"AWS_ENDPOINT_URL_{service}"] = endpoint
    del template["Globals"]["Function"]["CodeUri"]
    for binary, properties in functions(template).items():
        properties["CodeUri"] = f"s3://code/{binary}"
    return template


def archive(binary):
    """The code of a function: of this machine's build, whatever its architecture."""
    path = ROOT / "target" / "debug" / binary
    assert path.exists(), f"cargo build has not made {path}"
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as code:
            code.writestr("bootstrap", f"#!/bin/sh\nexec '{path}'\n")
        return file.getvalue()


class Emulator(unittest.TestCase):
    """An emulator of its own for each class of tests, and the template deployed there."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.endpoint = f"http://127.0.0.1:{port}"
        cls.log = cls.enterClassContext(tempfile.TemporaryFile())
        settings = {"AUTH": "true", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "BIND_HOST": "127.0.0.1",
                    "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
        emulator = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=os.environ | settings, stdout=cls.log, stderr=subprocess.STDOUT)
        cls.addClassCleanup(emulator.wait)
        cls.addClassCleanup(emulator.terminate)
        # As docs/deploy.md has it: the keys of the smoke test.
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "smoke.pem"],
                       cwd=folder, check=True)
        cls.enterClassContext(contextlib.chdir(folder))
        cls.session = boto3.Session("test", "test", region_name=REGION)
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{cls.endpoint}/_ministack/health").close()
                break
            except urllib.error.URLError:
                assert emulator.poll() is None and time.monotonic() < end, cls.printed()
                time.sleep(0.1)
        cls.deploy()

    @classmethod
    def printed(cls):
        cls.log.seek(0)
        return cls.log.read().decode()

    @classmethod
    def client(cls, service):
        return cls.session.client(service, endpoint_url=cls.endpoint)

    @classmethod
    def deploy(cls):
        template = for_the_emulator(cls.endpoint)
        s3, cloudformation, secrets = cls.client("s3"), cls.client("cloudformation"), cls.client("secretsmanager")
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        for binary in functions(template):
            s3.put_object(Bucket="code", Key=binary, Body=archive(binary))
        s3.put_object(Bucket="code", Key="template", Body=json.dumps(template))
        cloudformation.create_stack(
            StackName=STACK, TemplateURL=f"{cls.endpoint}/code/template", Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()])
        end = time.monotonic() + 120
        while True:
            [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
            if stack["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() > end:
                break
            time.sleep(0.2)
        assert stack["StackStatus"] == "CREATE_COMPLETE", cls.printed()
        outputs = cls.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        cls.resources = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]}
        for table, resource in template["Resources"].items():
            if expiry := resource["Properties"].get("TimeToLiveSpecification"):
                cls.client("dynamodb").update_time_to_live(TableName=cls.resources[table], TimeToLiveSpecification=expiry)
        for secret, value in {
            "JwksSecret": json.loads(smoke.jwks()),
            "ProviderSecret": {"app_token": "app", "secret_key": "secret"},
            "WebhookSecret": {"secrets": [WEBHOOK_SECRET.decode()]},
        }.items():
            secrets.put_secret_value(SecretId=outputs[secret], SecretString=json.dumps(value))


class Deployed(Emulator):
    def call(self, method, path, user=None, headers=None, body=None):
        """Status and body of an answer of the API."""
        url = f"{self.endpoint}/_aws/execute-api/{self.resources['Api']}/live{path}"
        headers = (headers or {}) | ({"x-juno-jwt": smoke.token(user)} if user else {})
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method))
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
        return answer.status, json.loads(text) if text else None

    def deliver(self, event, secret=WEBHOOK_SECRET):
        body = json.loads((ROOT / "events" / f"{event}.json").read_text())["body"].encode()
        digest = hmac.digest(secret, body, "sha256").hex()
        headers = {"Content-Type": "application/json", "X-Payload-Digest": digest, "X-Payload-Digest-Alg": "HMAC_SHA256_HEX"}
        return self.call("POST", "/v0/webhooks/kyc/sumsub/events", headers=headers, body=body)

    def logged(self, group):
        """A function's own lines."""
        events = self.client("logs").filter_log_events(logGroupName=self.resources[group])["events"]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]

    def test_an_open_deployment_is_refused_by_the_name_of_the_parameter(self):
        for parameters, named in (({"ProviderEnvironment": "production"}, "JwtIssuer"), ({"ProviderUrl": "http://api.example.com"}, "ProviderUrl"),
                                  ({"CorsOrigins": "https://app.example.com/"}, "CorsOrigins")):
            with self.assertRaisesRegex(botocore.exceptions.ClientError, named):
                self.client("cloudformation").create_stack(
                    StackName="open", TemplateURL=f"{self.endpoint}/code/template", Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                    Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()])

    def test_the_tables_have_their_keys_and_the_index(self):
        names = lambda part: [key["AttributeName"] for key in part["KeySchema"]]
        for name, keys, is_kept in (("UsersTable", ["user_id"], True), ("HistoryTable", ["user_id", "sequence"], True),
                                    ("ErasuresTable", ["applicant"], True), ("DeliveriesTable", ["event_key"], False), ("CountersTable", ["user_id", "window"], False)):
            table = self.client("dynamodb").describe_table(TableName=self.resources[name])["Table"]
            self.assertEqual((names(table), bool(table.get("DeletionProtectionEnabled"))), (keys, is_kept), name)
            if name == "UsersTable":
                [index] = table["GlobalSecondaryIndexes"]
                self.assertEqual((index["IndexName"], names(index)), ("due", ["due_in", "due_at"]))

    def test_alarms_tell_the_topic_and_logs_are_kept_under_the_key(self):
        alarms = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        self.assertEqual(len(alarms), 21)
        for alarm in alarms:
            self.assertIn(alarm["AlarmActions"], ([self.outputs["AlarmTopic"]], [self.outputs["NoticeTopic"]]), alarm["AlarmName"])
        for topic in ("AlarmTopic", "NoticeTopic"):
            [mail] = self.client("sns").list_subscriptions_by_topic(TopicArn=self.outputs[topic])["Subscriptions"]
            self.assertEqual(mail["Endpoint"], "on-call@example.com")
        groups = {group["logGroupName"]: group for group in self.client("logs").describe_log_groups()["logGroups"]}
        for resource, name in self.resources.items():
            if resource.endswith("LogGroup"):
                self.assertEqual(groups[name]["retentionInDays"], 90)
                self.assertIn(self.resources["DataKey"], groups[name]["kmsKeyId"])

    def test_the_domain_leads_to_the_live_stage(self):
        [mapping] = self.client("apigateway").get_base_path_mappings(domainName="api.example.com")["items"]
        self.assertEqual((mapping["restApiId"], mapping["stage"]), (self.resources["Api"], "live"))
        self.assertEqual(self.outputs["ApiUrl"], "https://api.example.com")

    def test_who_has_no_token_is_refused(self):
        for method, path in (("POST", "/v0/kyc/access-token"), ("GET", "/v0/kyc/status"), ("GET", "/v0/kyc/details"),
                             ("GET", "/v0/kyc/gate"), ("GET", "/v0/user/me")):
            status, problem = self.call(method, path)
            self.assertEqual((status, problem["error_code"]), (401, "USR-401-001"), path)

    def test_a_delivery_with_another_signature_is_refused(self):
        status, problem = self.deliver("webhook-approved", b"another secret")
        self.assertEqual((status, problem["error_code"]), (401, "KYC-401-001"))

    def test_a_user_is_approved_by_a_delivery_and_the_schedule_runs(self):
        user = "usr_abc123"
        self.assertEqual(self.call("GET", "/v0/kyc/gate", user)[0], 403)
        self.assertEqual(self.deliver("webhook-approved"), (200, {"outcome": "applied"}))
        self.assertEqual(self.deliver("webhook-approved"), (200, {"outcome": "duplicate"}))
        self.assertEqual(self.call("GET", "/v0/kyc/gate", user), (204, None))
        for path in ("/v0/kyc/status", "/v0/kyc/details"):
            status, body = self.call("GET", path, user)
            self.assertEqual((status, body["status"]), (200, "approved"))
        status, body = self.call("GET", "/v0/user/me?expand=onboarding", user)
        self.assertEqual((status, body["user"]["kyc_verified_at"]), (200, 1704103380000))
        # The approval could not be confirmed, since the provider is away; the user is due a minute later.
        answer = self.client("lambda").invoke(FunctionName=self.resources["ReconcileFunction"], Qualifier="live", Payload="{}")
        self.assertNotIn("FunctionError", answer)
        self.assertEqual([line["ReconcileFailed"] for line in self.logged("ReconcileLogGroup") if "ReconcileFailed" in line], [0])

    def test_what_needs_the_provider_says_that_it_is_away(self):
        for method, path, expected in (("POST", "/v0/kyc/access-token", (500, "KYC-500-002")),
                                       ("GET", "/v0/kyc/status?refresh=true", (502, "KYC-502-001")),
                                       ("GET", "/v0/kyc/details?refresh=true", (502, "KYC-502-001"))):
            status, problem = self.call(method, path, "usr_impatient")
            self.assertEqual((status, problem["error_code"]), expected)
        # Counted before the provider was asked, and known to be waited for.
        for table in ("CountersTable", "UsersTable"):
            items = self.client("dynamodb").query(
                TableName=self.resources[table], KeyConditionExpression="user_id = :user",
                ExpressionAttributeValues={":user": {"S": "usr_impatient"}})["Items"]
            self.assertTrue(items, table)


    def handle(self, event, clients):
        """Runs the code of the smoke test, as it stands in the template."""
        code = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["SmokeTest"]["Properties"]["Code"]["ZipFile"]
        with unittest.mock.patch("boto3.client", lambda service, **_: clients[service]), contextlib.redirect_stdout(io.StringIO()):
            exec(code, there := {})
            there["handler"](event, None)

    def test_the_probe_wants_to_be_refused(self):
        clients = dict.fromkeys(("codedeploy", "lambda"))
        api = f"{self.endpoint}/_aws/execute-api/{self.resources['Api']}/live"
        self.handle({"url": f"{api}/v0/kyc/status"}, clients)
        for url, error in ((f"{api}/v0/kyc/stat", urllib.error.HTTPError), (f"{self.endpoint}/_ministack/health", ValueError)):
            with self.assertRaises(error):
                self.handle({"url": url}, clients)

    def smoke_test(self, function, version):
        """What the test that deployments begin with says of a version. The emulator has no CodeDeploy, so what that would say and be
        told is here."""
        said = []
        codedeploy = unittest.mock.Mock()
        codedeploy.list_deployment_targets.return_value = {"targetIds": ["d:1"]}
        codedeploy.batch_get_deployment_targets.return_value = {"deploymentTargets": [
            {"lambdaTarget": {"lambdaFunctionInfo": {"functionName": function, "functionAlias": "live", "targetVersion": version}}}]}
        codedeploy.put_lifecycle_event_hook_execution_status = lambda status, **_: said.append(status)
        self.handle({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook"}, {"codedeploy": codedeploy, "lambda": self.client("lambda")})
        [status] = said
        return status

    def test_deployments_begin_with_a_test_that_functions_pass_and_broken_ones_do_not(self):
        functions = self.client("lambda")
        for name, function in self.resources.items():
            if name.endswith("Function"):
                live = functions.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
                self.assertEqual(self.smoke_test(function, live), "Succeeded", name)
        for name, change in {"GateFunction": {"JWKS_SECRET": "nobody-has-it"}, "WebhookFunction": {"WEBHOOK_SECRET": "nobody-has-it"},
                             "UserFunction": {"LOG_LEVEL": "loud"}, "ReconcileFunction": {"USERS_TABLE": "there-is-none"}}.items():
            function = self.resources[name]
            variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables | change})
            broken = functions.publish_version(FunctionName=function)["Version"]
            self.assertEqual(self.smoke_test(function, broken), "Failed", name)


# The lines before the commands of docs/deploy.md. `aws` notes what is refused and how, and prints something all the same, for
# the commands that go through a list. `sam` only leaves what is uploaded then, and the template of the clone stays as it is.
SESSION = """
aws() {
  echo "$1 $2" >>"$NOTES/called"
  # Calls of SQS go where the URL of the queue leads, unless they are told.
  command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@" 2>"$NOTES/error" || { echo "$1 $2: $(grep . "$NOTES/error" | tail -n 1)" >>"$NOTES/refused"; echo refused; }
}
sam() { [ "$1" != package ] || cp "$NOTES/template" "${@: -1}"; }
python() { [ "$1" = tests/deployed/restored.py ] || command python "$@"; }
cargo() { HOME=$USER_HOME command cargo "$@"; }
curl() { command curl -sS -m 30 "${@/#$API/$URL}"; }
"""
# Calls that the emulator does not know, and names of commands only.
REFUSED = {
    "deploy list-deployments: An error occurred (400) when calling the ListDeployments operation: ",
    "deploy stop-deployment: An error occurred (400) when calling the StopDeployment operation: ",
    "secretsmanager update-secret-version-stage: aws: error: the following arguments are required: --secret-id, --version-stage",
    "service-quotas request-service-quota-increase: "
    "An error occurred (400) when calling the RequestServiceQuotaIncrease operation: ",
}


class Documented(Emulator):
    def test_the_commands_of_deploy_and_runbook_are_those_of_aws_and_do_something(self):
        """As they stand there, one after the other in one shell, down to the removal of everything."""
        notes = pathlib.Path.cwd()
        template = restored.renamed(restored.TEMPLATE.read_text(), "kyc-api-restored")
        (notes / "template").write_text(json.dumps(for_the_emulator(self.endpoint, template)))
        # As `sam deploy` makes it.
        self.client("cloudformation").create_stack(StackName="aws-sam-cli-managed-default", TemplateBody=json.dumps({
            "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}, "Outputs": {"SourceBucket": {"Value": {"Ref": "Bucket"}}}}))
        first, rest = (ROOT / "docs/deploy.md").read_text().split("## 7. ")
        commands = "\n".join(
            text for part in (first, (ROOT / "docs/runbook.md").read_text(), rest) for text, is_block in documented.shell(part)
            if is_block or text.startswith("aws "))
        for there, here in {
            "/tmp/": f"{notes}/", "kyc-api-dev": STACK, "https://$BUCKET.s3.amazonaws.com": f"{self.endpoint}/$BUCKET",
            "--alarm-name …": f"--alarm-name {STACK}-server-errors", "--function-name …": '--function-name "$(resource ReconcileFunction)"',
        }.items():
            self.assertIn(there, commands)
            commands = commands.replace(there, here)
        settings = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint, "HOME": str(notes), "NOTES": str(notes),
            "USER_HOME": str(pathlib.Path.home()),
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "URL": f"{self.endpoint}/_aws/execute-api/{self.resources['Api']}/live"}
        session = subprocess.run(
            ["bash", "-c", SESSION + commands], cwd=ROOT, env=os.environ | settings, text=True, timeout=600,
            input='{"app_token":"app","secret_key":"secret"}', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(set((notes / "refused").read_text().splitlines()), REFUSED, session.stdout)
        self.assertEqual(
            set((notes / "called").read_text().splitlines()), set(re.findall(r"\baws ([a-z0-9-]+ [a-z0-9-]+)", commands)))
        for answer in ("USR-401-001", "KYC-401-001", '"status":"pending"'):
            self.assertIn(answer, session.stdout)
        # The restored table was the stack's in the end.
        tables = self.client("dynamodb").list_tables()["TableNames"]
        self.assertLessEqual({self.outputs["UsersTable"], self.outputs["HistoryTable"]}, set(tables), tables)


if __name__ == "__main__":
    unittest.main()
