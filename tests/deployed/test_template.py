"""What the template deploys: with the defaults of its parameters, and as production with everything that can be switched on.

The template goes through the transforms that AWS would put it through, by AWS's own code in the SAM CLI.
"""

import fnmatch
import graphlib
import json
import logging
import pathlib
import re
import tomllib
import unittest

import boto3
import click
import documented
import restored
import yaml
from samcli import yamlhelper
from samcli.cli.main import cli as sam
from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# It reports features of its own that it does not know.
logging.getLogger("samtranslator").setLevel(logging.CRITICAL)

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE = yaml_parse(TEXT)
CONFIGURATIONS = {
    name: dict(override.split("=", 1) for override in section["deploy"]["parameters"]["parameter_overrides"])
    for name, section in tomllib.loads((ROOT / "samconfig.toml").read_text()).items()
    if name not in ("version", "default", "account")
}
KEY = {"Fn::GetAtt": ["DataKey", "Arn"]}
STACK_ID = "00000000-0000-4000-8000-000000000000"
TLS = {"SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "EndpointAccessMode": "STRICT"}


def substituted(value):
    """The template with Fn::Sub where something is left to substitute: the SAM CLI, which need not deploy it, drops that."""
    if isinstance(value, dict):
        return {name: substituted(part) for name, part in value.items()}
    if isinstance(value, list):
        return [substituted(part) for part in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${" in value else value


class Stack:
    """What there is after a deployment with these parameters."""

    def __init__(self, parameters):
        template = yaml_parse(TEXT)
        template["Globals"]["Function"]["CodeUri"] = "s3://code/archive"
        defaults = {name: str(parameter["Default"]) for name, parameter in TEMPLATE["Parameters"].items()}
        pseudo = {"AWS::StackName": "kyc-api", "AWS::Region": "eu-west-1", "AWS::AccountId": "000000000000",
                  "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
                  "AWS::StackId": f"arn:aws:cloudformation:eu-west-1:000000000000:stack/kyc-api/{STACK_ID}"}
        self.parameters = defaults | parameters
        literal = substituted(expand_language_extensions(template, self.parameters | pseudo, enabled=True).expanded_template)
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
        expanded = translator.translate(literal, parameter_values=self.parameters)
        self.conditions = expanded["Conditions"]
        self.resources, self.outputs = (
            {name: part for name, part in expanded[section].items()
             if "Condition" not in part or self.holds({"Condition": part["Condition"]})}
            for section in ("Resources", "Outputs"))

    def holds(self, condition):
        [(function, operand)] = condition.items()
        match function:
            case "Condition":
                return self.holds(self.conditions[operand])
            case "Fn::Equals":
                return str(operand[0]) == str(operand[1])
            case "Fn::Not":
                return not self.holds(operand[0])
            case "Fn::And":
                return all(map(self.holds, operand))
            case _:
                raise ValueError(function)

    def all(self, kind):
        """The properties of all resources of a type, by logical id."""
        return {name: resource["Properties"] for name, resource in self.resources.items() if resource["Type"] == kind}

    def routes(self):
        """Returns paths with their methods, of both APIs."""
        return [route for api in ("Api", "OperationsApi") for route in self.resources[api]["Properties"]["Body"]["paths"].items()]

    def functions(self):
        """Those of the API and of the schedule."""
        return {name: properties for name, properties in self.all("AWS::Lambda::Function").items() if name != "SmokeTest"}

    def version(self, function):
        """The logical id of a function's newest version."""
        [version] = {name for name in referred(self.resources[f"{function}Aliaslive"]["Properties"]) if name.startswith(f"{function}Version")}
        return version

    def directly_needed(self, name):
        resource = self.resources[name]
        needed = {*listed(resource.get("DependsOn", [])), *referred([resource.get("Properties"), resource.get("UpdatePolicy")])}
        return needed & set(self.resources)

    def needed(self, name):
        """The resources that CloudFormation makes before this one."""
        found, left = set(), [name]
        while left:
            more = self.directly_needed(left.pop()) - found
            found |= more
            left += more
        return found


DEFAULTS = Stack({})
PRODUCTION = Stack(CONFIGURATIONS["prod"] | {
    "AlarmEmail": "on-call@example.com", "DomainName": "api.example.com", "HostedZoneId": "Z0000",
    "CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/0", "JwksUrl": "https://issuer.example.com/keys",
    "JwtIssuer": "https://issuer.example.com", "JwtAudience": "kyc-api"})


def listed(value):
    return value if isinstance(value, list) else [value]


def referred(value):
    """The logical ids that a value refers to."""
    if isinstance(value, dict):
        if "Ref" in value:
            yield value["Ref"]
        elif "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        else:
            own = listed(value.get("Fn::Sub", ""))[1:]
            for name in (name for part in value.values() for name in referred(part)):
                if not own or name not in own[0]:
                    yield name
    elif isinstance(value, list):
        for part in value:
            yield from referred(part)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{(\w+)(?:\.\w+)?\}", value)


def tables(document, heading):
    """The rows of the tables under a heading, as lists of cells."""
    section = document.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        yield [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def documented_permissions():
    """The statements of each function, after the table of SECURITY.md."""
    security = (ROOT / "SECURITY.md").read_text()
    [functions] = tables(security, "What each function may do")
    session = frozenset(names(security.split("Of a session these attributes are written")[1].split(". For a replay")[0]))
    replay = frozenset(names(security.split("For a replay these of an item")[1].split(". So")[0]))
    for of, secrets, *cells in functions:
        statements = {(frozenset(["secretsmanager:GetSecretValue"]), frozenset(names(secrets)), None)}
        for table, cell in zip(("UsersTable", "HistoryTable", "DeliveriesTable", "CountersTable", "ErasuresTable"), cells):
            actions = {f"dynamodb:{name}" for name in names(cell) if name != "due"}
            for words, attributes in (("of the session", session), ("for a replay", replay)):
                if words in cell:
                    actions.remove("dynamodb:UpdateItem")
                    statements.add((frozenset(["dynamodb:UpdateItem"]), frozenset([table]), attributes))
            if "of the index" in cell:
                actions.remove("dynamodb:Query")
                statements.add((frozenset(["dynamodb:Query"]), frozenset([f"{table}/index/due"]), None))
            if actions:
                statements.add((frozenset(actions), frozenset([table]), None))
        for function in names(of):
            yield function, statements


def granted(statement):
    """A statement of a role, in the form of the documented ones. What has another form raises an error."""
    condition = statement.pop("Condition", None)
    attributes = condition and frozenset(condition.pop("ForAllValues:StringEquals").pop("dynamodb:Attributes"))
    resources = set()
    for resource in listed(statement.pop("Resource")):
        if "Fn::Sub" in resource:
            resources.add(re.fullmatch(r"\$\{(\w+)\.Arn\}(/index/\w+)", resource["Fn::Sub"]).expand(r"\1\2"))
        else:
            [name] = referred(resource)
            resources.add(name)
    actions = frozenset(listed(statement.pop("Action")))
    assert statement == {"Effect": "Allow"} and not condition, statement
    return actions, frozenset(resources), attributes


class Deployed:
    stack = DEFAULTS
    maxDiff = None

    def test_each_function_may_do_what_is_documented_and_nothing_else(self):
        documented = dict(documented_permissions())
        found = {}
        for function, properties in self.stack.functions().items():
            [name] = referred(properties["Role"])
            role = json.loads(json.dumps(self.stack.resources[name]["Properties"]))
            binary = self.stack.resources[function]["Metadata"]["BuildProperties"]["Binary"]
            statements = [granted(statement) for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
            found[binary] = set(statements)
            self.assertEqual(len(found[binary]), len(statements), binary)
            self.assertEqual(
                [arn.split("/")[-1] for arn in role["ManagedPolicyArns"]], ["AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"])
            self.assertEqual(
                role["AssumeRolePolicyDocument"]["Statement"],
                [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["lambda.amazonaws.com"]}}])
        self.assertEqual(found, documented)

    def test_each_route_leads_to_the_live_version_of_a_function_which_it_may_invoke(self):
        integrations, permissions = set(), set()
        for path, methods in self.stack.routes():
            for method, operation in methods.items():
                integration = operation["x-amazon-apigateway-integration"]
                self.assertEqual(integration["type"], "aws_proxy")
                [alias] = set(referred(integration["uri"])) & set(self.stack.all("AWS::Lambda::Alias"))
                integrations.add((method.upper(), re.sub("{[^}]*}", "*", path), alias))
        for permission in self.stack.all("AWS::Lambda::Permission").values():
            if permission["Principal"] == "apigateway.amazonaws.com":
                method, path = re.search(r"/\$\{__Stage__\}/([A-Z]+)(/.*)", permission["SourceArn"]["Fn::Sub"][0]).groups()
                permissions.add((method, path, permission["FunctionName"]["Ref"]))
        self.assertEqual(integrations, permissions)
        # Web pages may ask about each route but the webhook and the calls of operators.
        self.assertEqual(
            {(path, alias) for method, path, alias in integrations if method == "OPTIONS"},
            {(path, alias) for method, path, alias in integrations if "/webhooks/" not in path and alias != "OperationsFunctionAliaslive"})

    def test_operators_sign_their_calls_and_need_a_policy_of_their_own(self):
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html: what the policy of an API allows,
        each caller of the account may do, whatever their own policies say.
        """
        body = self.stack.resources["OperationsApi"]["Properties"]["Body"]
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                self.assertEqual(operation["security"], [{"AWS_IAM": []}], path)
                self.assertNotIn("credentials", operation["x-amazon-apigateway-integration"], path)
        self.assertEqual(body["components"]["securitySchemes"]["AWS_IAM"]["x-amazon-apigateway-authtype"], "awsSigv4")
        [statement] = body["x-amazon-apigateway-policy"]["Statement"]
        self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
        for response in body["x-amazon-apigateway-gateway-responses"].values():
            self.assertNotIn("gatewayresponse.header.Access-Control-Allow-Origin", response["responseParameters"])

    def test_each_function_is_an_arm_binary_that_is_traced_and_has_a_log_group_of_its_own(self):
        groups = [properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in self.stack.functions().values()]
        self.assertEqual(len(set(groups)), 8)
        for function, properties in self.stack.functions().items():
            with self.subTest(function):
                self.assertEqual(
                    (properties["Runtime"], properties["Architectures"], properties["TracingConfig"], properties["Handler"]),
                    ("provided.al2023", ["arm64"], {"Mode": "Active"}, "bootstrap"))

    def test_instances_are_reserved_for_those_that_wait_for_the_provider_if_that_is_asked_for(self):
        share = int(self.stack.parameters["ReservedConcurrency"])
        waiting = ("AccessTokenFunction", "StatusFunction", "DetailsFunction", "WebhookFunction")
        self.assertEqual(
            {function: int(properties["ReservedConcurrentExecutions"])
             for function, properties in self.stack.functions().items() if "ReservedConcurrentExecutions" in properties},
            dict.fromkeys(waiting, share) | {"ReconcileFunction": 1} if share else {})

    def test_a_new_version_goes_live_by_degrees_after_a_test_and_an_alarm_about_it_takes_it_back(self):
        """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html"""
        for function in self.stack.functions():
            with self.subTest(function):
                alias = self.stack.resources[f"{function}Aliaslive"]
                update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
                self.assertEqual(update["BeforeAllowTrafficHook"], {"Ref": "SmokeTest"})
                properties = self.stack.resources[update["DeploymentGroupName"]["Ref"]]["Properties"]
                self.assertEqual(
                    properties["AlarmConfiguration"],
                    {"Enabled": True, "Alarms": [{"Name": {"Ref": "NewVersionCrashesAlarm"}}, {"Name": {"Ref": "NewVersionServerErrorsAlarm"}}]})
                self.assertTrue(properties["AutoRollbackConfiguration"]["Enabled"])
                self.assertIn("DEPLOYMENT_STOP_ON_ALARM", properties["AutoRollbackConfiguration"]["Events"])
                self.assertIn(self.stack.parameters["DeploymentType"], json.dumps(properties["DeploymentConfigName"]))

    def test_codedeploy_may_call_the_test_and_the_test_the_functions(self):
        """The role that SAM makes may call functions of a certain name only.
        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambda.html
        """
        self.assertEqual(self.stack.resources["SmokeTest"]["Properties"]["FunctionName"], "CodeDeployHook_kyc-api")
        [role] = referred(self.stack.resources["SmokeTest"]["Properties"]["Role"])
        self.assertEqual(
            [arn.split("/")[-1] for arn in self.stack.resources[role]["Properties"]["ManagedPolicyArns"]],
            ["AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"])
        [policy] = self.stack.all("AWS::IAM::Policy").values()
        self.assertEqual(policy["Roles"], [{"Ref": role}])
        reports, invokes = policy["PolicyDocument"]["Statement"]
        self.assertTrue(all(action.startswith("codedeploy:") for action in reports["Action"]))
        self.assertEqual(
            invokes, {"Effect": "Allow", "Action": "lambda:InvokeFunction",
                      "Resource": [{"Fn::Sub": f"${{{function}.Arn}}:*"} for function in self.stack.functions()]})

    def test_alarms_about_a_new_version_watch_that_version_of_each_function_with_a_route(self):
        """Lambda counts by ExecutedVersion what comes by an alias: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html"""
        routes = {}
        for path, methods in self.stack.routes():
            for operation in methods.values():
                [function] = set(referred(operation["x-amazon-apigateway-integration"]["uri"])) & set(self.stack.all("AWS::Lambda::Alias"))
                # A function logs its first route, whichever of its routes was called.
                function = function.removesuffix("Aliaslive")
                routes[function] = min(path, routes.get(function, path), key=len)
        crashes, errors = [], []
        for function, path in routes.items():
            version = {"Fn::GetAtt": [self.stack.version(function), "Version"]}
            crashes.append([
                {"Name": "FunctionName", "Value": {"Ref": function}}, {"Name": "Resource", "Value": {"Fn::Sub": f"${{{function}}}:live"}},
                {"Name": "ExecutedVersion", "Value": version}])
            errors.append([{"Name": "path", "Value": path}, {"Name": "version", "Value": version}])
        for alarm, name, expected in (("NewVersionCrashesAlarm", "Errors", crashes), ("NewVersionServerErrorsAlarm", "ServerErrors", errors)):
            stats = [part["MetricStat"] for part in self.stack.resources[alarm]["Properties"]["Metrics"] if "MetricStat" in part]
            self.assertCountEqual([stat["Metric"]["Dimensions"] for stat in stats if stat["Metric"]["MetricName"] == name], expected)
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
            self.assertLessEqual(len(stats), 10)
        # Their source: the line that a function logs for each request.
        filters = self.stack.all("AWS::Logs::MetricFilter").values()
        filters = {properties["LogGroupName"]["Ref"]: properties for properties in filters if properties["FilterPattern"] == "{ $.status >= 500 }"}
        self.assertEqual(set(filters), {self.stack.functions()[function]["LoggingConfig"]["LogGroup"]["Ref"] for function in routes})
        for properties in filters.values():
            [metric] = properties["MetricTransformations"]
            self.assertEqual(
                metric, {"MetricNamespace": "kyc-api", "MetricName": "ServerErrors", "MetricValue": "1", "Unit": "Count",
                         "Dimensions": [{"Key": "path", "Value": "$.path"}, {"Key": "version", "Value": "$.version"}]})

    def test_an_alarm_takes_a_broken_version_back_before_all_requests_reach_it(self):
        """With one request a second, each of which the new version fails, and as few of them as the kinds of deployment give it."""
        failures = 60 * 0.1
        crashes, errors = (self.stack.resources[f"NewVersion{what}Alarm"]["Properties"] for what in ("Crashes", "ServerErrors"))
        self.assertGreater(failures, crashes["Threshold"])
        [value] = [part["Expression"] for part in errors["Metrics"] if part.get("ReturnData")]
        least = int(re.fullmatch(r"IF\(errors >= (\d+), 100 \* errors / requests, 0\)", value).group(1))
        self.assertGreaterEqual(failures, least)
        self.assertGreater(100 * failures / 60, errors["Threshold"])
        for alarm in (crashes, errors):
            periods = {part["MetricStat"]["Period"] for part in alarm["Metrics"] if "MetricStat" in part}
            # The shortest canary lasts 5 minutes; metrics may be 2 minutes late.
            self.assertLessEqual((alarm["EvaluationPeriods"] + 1) * max(periods) + 120, 300)

    def test_the_schedule_invokes_the_live_version(self):
        rule = self.stack.resources["ReconcileFunctionSchedule"]["Properties"]
        [target] = rule["Targets"]
        self.assertEqual(target["Arn"], {"Ref": "ReconcileFunctionAliaslive"})

    def test_a_run_of_the_schedule_is_neither_repeated_nor_kept_in_a_queue_and_decides_on_no_deployment(self):
        """By itself Lambda runs it twice more after an error, and keeps it for 6 hours if there is no instance:
        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        EventBridge tries for 24 hours and up to 185 times: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
        """
        rule = self.stack.resources["ReconcileFunctionSchedule"]["Properties"]
        bounds = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
        self.assertEqual(rule["Targets"][0]["RetryPolicy"], bounds)
        [asynchronous] = self.stack.all("AWS::Lambda::EventInvokeConfig").values()
        self.assertLessEqual((bounds | {"FunctionName": {"Ref": "ReconcileFunction"}, "Qualifier": "live"}).items(), asynchronous.items())
        watching = {alarm for alarm, properties in self.stack.all("AWS::CloudWatch::Alarm").items() if "ReconcileFunction" in set(referred(properties))}
        self.assertEqual(watching, {"ReconcileSilenceAlarm"})

    def test_logs_are_encrypted_and_kept_as_long_as_the_parameter_says(self):
        groups = self.stack.all("AWS::Logs::LogGroup")
        self.assertEqual(len(groups), 12)
        for group, properties in groups.items():
            self.assertLessEqual({"RetentionInDays": self.stack.parameters["LogRetentionDays"], "KmsKeyId": KEY}.items(), properties.items(), group)

    def test_each_item_of_the_history_becomes_the_event_that_is_documented(self):
        """A record of the stream as AWS shows one, with the attributes that docs/events.md lists for the history:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html
        """
        [pipe] = self.stack.all("AWS::Pipes::Pipe").values()
        self.assertEqual((pipe["Source"], pipe["Target"]), ({"Fn::GetAtt": ["HistoryTable", "StreamArn"]}, {"Fn::GetAtt": ["EventBus", "Arn"]}))
        self.assertEqual(self.stack.resources["HistoryTable"]["Properties"]["StreamSpecification"], {"StreamViewType": "NEW_IMAGE"})
        [rule] = pipe["SourceParameters"]["FilterCriteria"]["Filters"]
        self.assertEqual(json.loads(rule["Pattern"]), {"eventName": ["INSERT", "MODIFY"]})
        stream = pipe["SourceParameters"]["DynamoDBStreamParameters"]
        self.assertEqual(stream["DeadLetterConfig"], {"Arn": {"Fn::GetAtt": ["UnsentEvents", "Arn"]}})
        # PutEvents takes no more: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        self.assertLessEqual(stream["BatchSize"], 10)

        page = (ROOT / "docs/events.md").read_text()
        event = json.loads(page.split("```json\n")[1].split("```")[0])
        listed = page.split("in the same form:")[1].split("\n-")[0].split("\n\n")[0]
        attributes = {name for name in names(listed) if name != "detail-type"}
        numbers = {"sequence", "recorded_at"}
        image = {name: {"N" if name in numbers else "S": name} for name in attributes}
        record = {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {"NewImage": image, "StreamViewType": "NEW_IMAGE"}}

        def at(path):
            value = record
            for name in path.removeprefix("$.").split("."):
                value = value[name]
            return value

        parameters = pipe["TargetParameters"]
        detail = json.loads(re.sub(r"<(\$\.[\w.]+)>", lambda path: json.dumps(at(path[1])), parameters["InputTemplate"]))
        self.assertEqual(list(detail), list(event["detail"]))
        bus = parameters["EventBridgeEventBusParameters"]
        self.assertEqual((bus["Source"], at(bus["DetailType"])), (event["source"], "event"))
        for kind in names("\n".join(row[0] for row in next(tables("\n#" + page, "Events")))):
            schema = json.loads((ROOT / f"docs/events/{kind}.schema.json").read_text())
            self.assertEqual(schema["properties"]["detail"]["required"], list(detail))
            self.assertEqual(schema["properties"]["detail-type"], {"const": kind})

    def test_the_pipe_may_read_the_stream_and_send_and_nothing_else(self):
        role = self.stack.resources["EventsPipeRole"]["Properties"]
        [policy] = role["Policies"]
        granted = [(listed(statement["Action"]), statement["Resource"]) for statement in policy["PolicyDocument"]["Statement"]]
        self.assertEqual(granted, [
            (["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], {"Fn::GetAtt": ["HistoryTable", "StreamArn"]}),
            (["dynamodb:ListStreams"], "*"),
            (["events:PutEvents"], {"Fn::GetAtt": ["EventBus", "Arn"]}),
            (["sqs:SendMessage"], {"Fn::GetAtt": ["UnsentEvents", "Arn"]})])

    def test_what_cannot_be_made_again_outlives_the_stack(self):
        """RetainExceptOnCreate leaves nothing behind of a first deployment that fails:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
        Not for what cannot be deleted, since a rollback that has to delete it fails: a table with deletion protection, and the role and
        the setting of the account that other APIs may have come to use.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
        """
        policies = {
            "AWS::KMS::Key": "RetainExceptOnCreate", "AWS::Logs::LogGroup": "RetainExceptOnCreate",
            "AWS::SecretsManager::Secret": "RetainExceptOnCreate", "AWS::DynamoDB::Table": "Retain", "AWS::ApiGateway::Account": "Retain"}
        for name, resource in self.stack.resources.items():
            policy = policies.get(resource["Type"], "Retain" if name == "ApiGatewayLoggingRole" else None)
            if name in ("DeliveriesTable", "CountersTable"):
                self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Delete", "Delete"), name)
                continue
            # SAM keeps versions of functions, so that a rollback finds them.
            if resource["Type"] != "AWS::Lambda::Version":
                self.assertEqual((resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")), (policy, policy and "Retain"), name)
            # Resources that outlive a stack must not be in the way of the next one.
            if policy:
                given = [resource["Properties"][key] for key in ("Name", "TableName", "LogGroupName", "RoleName") if key in resource["Properties"]]
                self.assertTrue(all(STACK_ID in value for value in given), name)

    def test_what_is_kept_is_protected_and_can_be_restored_and_never_expires(self):
        for table, properties in self.stack.all("AWS::DynamoDB::Table").items():
            with self.subTest(table):
                kept = table in ("UsersTable", "HistoryTable", "ErasuresTable")
                recovery = {"PointInTimeRecoveryEnabled": True} if kept else None
                expiry = None if kept else {"AttributeName": "expires_at", "Enabled": True}
                self.assertEqual(properties.get("DeletionProtectionEnabled", False), kept)
                self.assertEqual(properties.get("PointInTimeRecoverySpecification"), recovery)
                self.assertEqual(properties.get("TimeToLiveSpecification"), expiry)
                self.assertEqual(properties["SSESpecification"], {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY})
                self.assertEqual(properties["BillingMode"], "PAY_PER_REQUEST")

    def test_no_secret_has_a_value(self):
        secrets = self.stack.all("AWS::SecretsManager::Secret")
        self.assertEqual(set(secrets), {"JwksSecret", "ProviderSecret", "WebhookSecret", "ErasureSecret"})
        for secret, properties in secrets.items():
            generated = {"GenerateSecretString"} if secret == "ErasureSecret" else set()
            self.assertEqual((set(properties), properties["KmsKeyId"]), ({"KmsKeyId", "Description"} | generated, KEY), secret)

    def test_each_alarm_tells_the_topic_of_the_runbook_and_knows_what_missing_data_means(self):
        runbook = (ROOT / "docs/runbook.md").read_text().split("\n## ")[0]
        pages = {re.sub("[#()]", "", link) for link in re.findall(r"\(#[a-z-]+\)", runbook.split("`AlarmTopic`")[1].split("`NoticeTopic`")[0])}
        for alarm, properties in self.stack.all("AWS::CloudWatch::Alarm").items():
            with self.subTest(alarm):
                topic = "AlarmTopic" if properties["AlarmName"].removeprefix("kyc-api-") in pages else "NoticeTopic"
                for actions in ("AlarmActions", "OKActions"):
                    self.assertEqual(properties[actions], [{"Ref": topic}])
                self.assertIn(properties["TreatMissingData"], ("breaching", "notBreaching"))
                self.assertTrue(properties["AlarmDescription"])

    def test_a_stranger_can_neither_use_up_the_webhook_nor_wake_anybody(self):
        """A rate-based rule counts by address, over 60 seconds at the least:
        https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html
        """
        rules = {rule["Name"]: rule["Statement"] for rule in self.stack.resources["FirewallRules"]["Properties"]["Rules"]}
        deliveries, requests = (rules[name]["RateBasedStatement"] for name in ("deliveries-of-an-address", "requests-of-an-address"))
        # Each route is counted by one of the two.
        self.assertEqual(requests["ScopeDownStatement"], {"NotStatement": {"Statement": deliveries["ScopeDownStatement"]}})
        self.assertEqual((deliveries["AggregateKeyType"], requests["AggregateKeyType"]), ("IP", "IP"))
        rate = int(deliveries["Limit"]) / deliveries["EvaluationWindowSec"]
        taken = int(self.stack.parameters["WebhookRate"])
        self.assertTrue(taken < rate < 2 * taken, rate)
        # A refusal, which anybody can cause, is compared with deliveries, which only the provider makes, and waits until the morning.
        alarm = self.stack.resources["WebhookRefusalsAlarm"]["Properties"]
        self.assertEqual(alarm["AlarmActions"], [{"Ref": "NoticeTopic"}])
        outcomes = {part["Id"]: part["MetricStat"]["Metric"]["Dimensions"] for part in alarm["Metrics"] if "MetricStat" in part}
        self.assertEqual(outcomes, {outcome: [{"Name": "outcome", "Value": outcome}] for outcome in ("refused", "applied", "duplicate", "ignored")})

    def test_the_firewall_logs_what_it_refuses_and_no_token(self):
        """The log group's name has to begin so: https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html"""
        [log] = self.stack.all("AWS::WAFv2::LoggingConfiguration").values()
        [group] = set(referred(log["LogDestinationConfigs"])) & set(self.stack.all("AWS::Logs::LogGroup"))
        self.assertIn("aws-waf-logs", json.dumps(self.stack.resources[group]["Properties"]["LogGroupName"]))
        self.assertEqual((log["LoggingFilter"]["DefaultBehavior"], len(log["LoggingFilter"]["Filters"])), ("DROP", 1))
        self.assertIn({"SingleHeader": {"Name": "x-juno-jwt"}}, log["RedactedFields"])

    def test_the_cost_of_alarms_and_firewall_is_what_is_deployed(self):
        alarms = self.stack.all("AWS::CloudWatch::Alarm").values()
        metrics = [len([part for part in properties.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in part]) for properties in alarms]
        rules = len(self.stack.resources["FirewallRules"]["Properties"]["Rules"])
        costs = (ROOT / "docs/deploy.md").read_text()
        for row in (f"| Alarms | {len(metrics)} alarms on {' + '.join(map(str, metrics))} = {sum(metrics)} metrics × $0.10 |",
                    f"| Firewall | ACL $5 + {rules} rules × $1 |"):
            self.assertTrue(row in costs, row)

    def test_alarms_and_dashboard_watch_metrics_that_there_are(self):
        """The list of the runbook is what the functions write: tests/e2e/metrics.rs."""
        runbook = (ROOT / "docs/runbook.md").read_text()
        [rows], [from_logs] = tables(runbook, "Metrics"), tables(runbook, "Metrics from logs")
        written = {(names(name)[0], *names(dimension)[:1]): set(names(dimension)[1:]) for name, dimension, _ in rows}
        watched = []
        for properties in self.stack.all("AWS::CloudWatch::Alarm").values():
            metrics = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
            for metric in metrics or [properties]:
                if metric["Namespace"] == "kyc-api":
                    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
                    if any(isinstance(value, dict) for value in dimensions.values()):
                        self.assertIn((metric["MetricName"], *dimensions), [(*names(name), *names(of)) for name, of, _ in from_logs])
                    else:
                        watched.append([metric["MetricName"], *sum(dimensions.items(), ())])
        for widget in self.dashboard()["widgets"]:
            for metric in widget["properties"].get("metrics", []):
                if metric[0] == "kyc-api":
                    watched.append([part for part in metric[1:] if isinstance(part, str)])
                elif isinstance(metric[0], dict):
                    search = r"^SEARCH\('\{\"kyc-api\",(\w+)\} MetricName=\"(\w+)\"'"
                    watched.append(re.search(search, metric[0]["expression"]).group(2, 1))
        self.assertGreater(len(watched), 20)
        for name, *dimension in watched:
            self.assertIn((name, *dimension[:1]), written)
            self.assertLessEqual(set(dimension[1:]), written[name, *dimension[:1]], name)

    def dashboard(self):
        return json.loads(self.stack.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])

    def test_the_dashboard_is_in_the_way_of_none_in_another_region(self):
        """Dashboards are global: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html"""
        self.assertEqual(self.stack.resources["Dashboard"]["Properties"]["DashboardName"], "kyc-api-eu-west-1")

    def test_the_dashboard_shows_each_alarm_and_each_function(self):
        text = json.dumps(self.dashboard())
        for alarm in self.stack.all("AWS::CloudWatch::Alarm"):
            self.assertIn(f"${{{alarm}.Arn}}", text)
        for function in self.stack.functions():
            for metric in ("Duration", "Errors", "Throttles"):
                self.assertIn(f'["AWS/Lambda", "{metric}", "FunctionName", "${{{function}}}"]', text)

    def test_nothing_refers_to_what_is_not_deployed(self):
        names = set(self.stack.resources) | set(self.stack.parameters) | {"AWS::StackName", "AWS::NoValue"}
        for name, part in (self.stack.resources | self.stack.outputs).items():
            self.assertLessEqual(set(referred(part.get("Properties", part.get("Value")))), names, name)


    def test_no_resource_waits_for_itself(self):
        graphlib.TopologicalSorter({name: self.stack.directly_needed(name) for name in self.stack.resources}).prepare()

    def test_the_logging_role_can_be_set_in_an_account_that_never_had_an_api(self):
        """"If an API Gateway resource has never been created in your AWS account, you must add a dependency on another API Gateway
        resource, such as an AWS::ApiGateway::RestApi or AWS::ApiGateway::ApiKey resource."
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-account.html

        The API itself cannot be it: its stage writes logs, and is refused until the role is set.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
        """
        before = self.stack.needed("ApiGatewayLogging")
        self.assertTrue({name for name in before if self.stack.resources[name]["Type"].startswith("AWS::ApiGateway::")})
        self.assertIn("ApiGatewayLogging", self.stack.needed("ApiliveStage"))

    def test_the_access_log_has_an_id_that_no_caller_chooses(self):
        """"Clients can override this request ID. We recommend that you use $context.extendedRequestId for a unique request ID that API
        Gateway generates." https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
        """
        line = json.loads(re.sub(r":(\$context\.\w+)", r':"\1"', self.stack.resources["ApiliveStage"]["Properties"]["AccessLogSetting"]["Format"]))
        self.assertEqual(line["trace_id"], "$context.requestId")
        self.assertEqual(line["extended_request_id"], "$context.extendedRequestId")

    def test_web_pages_can_read_what_the_gateway_answers_by_itself(self):
        """It puts no CORS headers there unless they are configured:
        https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html
        """
        responses = self.stack.resources["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
        self.assertLessEqual({"DEFAULT_4XX", "DEFAULT_5XX"}, set(responses))
        for kind, response in responses.items():
            headers = {name.removeprefix("gatewayresponse.header."): value for name, value in response["responseParameters"].items()}
            self.assertEqual(headers["Access-Control-Allow-Origin"], "'*'", kind)
            self.assertIn("Retry-After", headers["Access-Control-Expose-Headers"], kind)

    def test_the_rates_of_single_routes_are_those_of_routes_that_there_are(self):
        """"Forward slashes (/) are encoded as ~1 and the initial slash must include a forward slash."
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-apigateway-stage-methodsetting.html
        """
        paths = self.stack.resources["Api"]["Properties"]["Body"]["paths"]
        all_routes, *single = self.stack.resources["ApiliveStage"]["Properties"]["MethodSettings"]
        self.assertEqual((all_routes["ResourcePath"], all_routes["HttpMethod"]), ("/*", "*"))
        self.assertTrue(single)
        for setting in single:
            self.assertRegex(setting["ResourcePath"], "^/[^/]+$")
            self.assertIn(setting["HttpMethod"].lower(), paths[setting["ResourcePath"].replace("~1", "/").removeprefix("/")])


class Delivered(unittest.TestCase):
    def test_each_role_is_bounded_and_each_function_checked_by_its_signature(self):
        """A boundary lets the delivery make roles that may do no more than it says:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        """
        boundary, signing = "arn:aws:iam::000000000000:policy/bounds", "arn:aws:lambda:eu-west-1:000000000000:code-signing-config:csc-0"
        stack = Stack({"PermissionsBoundary": boundary, "CodeSigningConfig": signing})
        # As in Globals, where the first transform leaves it as it is.
        condition = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
        for name, properties in stack.all("AWS::IAM::Role").items():
            self.assertIn(properties["PermissionsBoundary"], (boundary, condition), name)
        for name, properties in stack.functions().items():
            self.assertEqual(properties["CodeSigningConfigArn"], signing, name)
        groups = stack.all("AWS::CodeDeploy::DeploymentGroup").values()
        self.assertEqual([group["ServiceRoleArn"] for group in groups], 8 * [{"Fn::GetAtt": ["DeploymentRole", "Arn"]}])


class Account(unittest.TestCase):
    template = yaml_parse((ROOT / "account.yaml").read_text())

    def test_only_the_environment_of_the_repository_may_deliver(self):
        """https://docs.github.com/en/actions/security-for-github-actions/security-hardening-your-deployments/configuring-openid-connect-in-amazon-web-services"""
        [trusted] = self.template["Resources"]["DeliveryRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trusted["Condition"], {"StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:production"}}})
        workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
        self.assertEqual(workflow["permissions"], {})
        for name, job in workflow["jobs"].items():
            uses = [step["uses"] for step in job["steps"] if "uses" in step]
            self.assertTrue(all(re.search(r"@[0-9a-f]{40}$", action) for action in uses), uses)
            assumes = any(action.startswith("aws-actions/configure-aws-credentials@") for action in uses)
            self.assertEqual(job.get("environment"), "production" if assumes else None, name)

    def test_the_delivery_makes_no_role_that_may_do_more_than_the_boundary_and_the_boundary_is_no_less_than_the_stack_needs(self):
        roles, *_ = self.template["Resources"]["DeploymentRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual(roles["Condition"], {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}})
        self.assertLessEqual({"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"}, set(roles["Action"]))
        [bounds] = self.template["Resources"]["Boundary"]["Properties"]["PolicyDocument"]["Statement"]
        policies = [policy["PolicyDocument"] for role in PRODUCTION.all("AWS::IAM::Role").values() for policy in role.get("Policies", [])]
        policies += [policy["PolicyDocument"] for policy in PRODUCTION.all("AWS::IAM::Policy").values()]
        needed = {action for policy in policies for statement in policy["Statement"] for action in listed(statement["Action"])}
        self.assertEqual({action for action in needed if not any(fnmatch.fnmatchcase(action, most) for most in bounds["Action"])}, set())

    def test_backups_and_records_are_of_each_table_of_production(self):
        prod = tomllib.loads((ROOT / "samconfig.toml").read_text())["prod"]
        conditions = self.template["Resources"]["BackupSelection"]["Properties"]["BackupSelection"]["Conditions"]["StringEquals"]
        selected = {condition["ConditionKey"].removeprefix("aws:ResourceTag/"): condition["ConditionValue"] for condition in conditions}
        self.assertEqual(selected, {"project": {"Ref": "Project"}, "environment": "prod"})
        self.assertEqual(self.template["Parameters"]["Project"]["Default"], prod["deploy"]["parameters"]["stack_name"])
        items, _ = self.template["Resources"]["AuditTrailRecords"]["Properties"]["AdvancedEventSelectors"]
        self.assertIn(":table/${Project}-", json.dumps(items["FieldSelectors"]))


class WithDefaults(Deployed, unittest.TestCase):
    def test_what_is_optional_is_not_there(self):
        for kind in ("ApiGateway::DomainName", "SNS::Subscription", "Route53::RecordSet"):
            self.assertFalse(self.stack.all(f"AWS::{kind}"), kind)


class AsProduction(Deployed, unittest.TestCase):
    stack = PRODUCTION

    def test_the_api_has_its_domain_only_and_a_firewall(self):
        api = self.stack.resources["Api"]["Properties"]
        domain = self.stack.resources["Domain"]["Properties"]
        self.assertLessEqual(TLS.items(), api.items())
        self.assertLessEqual(TLS.items(), domain.items())
        [server] = api["Body"]["servers"]
        self.assertIs(server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"], True)
        self.assertEqual(self.stack.resources["DomainMapping"]["Properties"]["Stage"], {"Ref": "ApiliveStage"})
        self.assertIn("DomainRecord", self.stack.resources)
        association = self.stack.resources["FirewallAssociation"]["Properties"]
        self.assertEqual(set(referred(association)), {"Api", "ApiliveStage", "FirewallRules"})

    def test_the_api_is_called_from_outside(self):
        [target] = self.stack.resources["Probes"]["Properties"]["Targets"]
        self.assertEqual(target["Arn"], {"Fn::GetAtt": ["SmokeTest", "Arn"]})
        self.assertEqual(self.stack.resources["ProbesPermission"]["Properties"]["SourceArn"], {"Fn::GetAtt": ["Probes", "Arn"]})
        self.assertIn('{"url":"https://api.example.com/v0/kyc/status"}', json.dumps(target["Input"]).replace("\\", ""))

    def test_alarms_are_mailed(self):
        mails = {mail["TopicArn"]["Ref"]: mail["Endpoint"] for mail in self.stack.all("AWS::SNS::Subscription").values()}
        self.assertEqual(mails, dict.fromkeys(("AlarmTopic", "NoticeTopic"), "on-call@example.com"))


class Parameters(unittest.TestCase):
    """What a deployment is refused for before it begins.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
    """

    def refusals(self, given):
        values = {name: str(parameter["Default"]) for name, parameter in TEMPLATE["Parameters"].items()} | given
        for name, parameter in TEMPLATE["Parameters"].items():
            if not re.fullmatch(parameter.get("AllowedPattern", ".*").removeprefix("^").removesuffix("$"), values[name]):
                yield name

        def holds(condition):
            [(function, operand)] = condition.items()
            if function == "Fn::Not":
                return not holds(operand[0])
            left, right = (values[side["Ref"]] if isinstance(side, dict) else side for side in operand)
            return left == right

        for rule in TEMPLATE["Rules"].values():
            if holds(rule["RuleCondition"]):
                yield from (each["AssertDescription"].split()[-1].strip(".") for each in rule["Assertions"] if not holds(each["Assert"]))

    def test_production_needs_an_issuer_and_an_audience(self):
        self.assertEqual(list(self.refusals({})), [])
        self.assertEqual(list(self.refusals(CONFIGURATIONS["dev"])), [])
        self.assertEqual(list(self.refusals(CONFIGURATIONS["prod"])), ["JwtIssuer", "JwtAudience"])
        self.assertEqual(list(self.refusals(PRODUCTION.parameters)), [])

    def test_a_domain_needs_a_certificate(self):
        self.assertEqual(list(self.refusals({"DomainName": "api.example.com"})), ["CertificateArn"])

    def test_addresses_are_secure_but_on_this_machine_and_origins_are_what_browsers_send(self):
        for name, right, wrong in (
                ("ProviderUrl", ["https://api.sumsub.com", "http://127.0.0.1:3001", "http://[::1]:9"],
                 ["", "http://api.sumsub.com", "https://api.sumsub.com/", "http://localhost.example.com", "http://127.0.0.1@example.com"]),
                ("JwksUrl", ["", "https://issuer.example.com/keys", "http://localhost:8080/keys"],
                 ["http://issuer.example.com/keys", "http://localhost.example.com/keys", "issuer.example.com"]),
                ("CorsOrigins", ["", "https://app.example.com", "https://app.example.com, http://localhost:5173", "https://a.example:444,https://b.example"],
                 ["*", "https://app.example.com/", "https://App.example.com", "http://app.example.com", "https://a.example,", "https://a.example https://b.example"])):
            for value in right:
                self.assertEqual(list(self.refusals({name: value})), [], value)
            for value in wrong:
                self.assertEqual(list(self.refusals({name: value})), [name], value)


class Template(unittest.TestCase):
    def test_each_parameter_is_explained_and_used(self):
        used = set(referred({section: TEMPLATE[section] for section in ("Rules", "Conditions", "Globals", "Resources", "Outputs")}))
        for name, parameter in TEMPLATE["Parameters"].items():
            self.assertTrue(parameter["Description"], name)
            self.assertIn(name, used)

    def test_the_stage_has_its_name_in_the_template(self):
        """What refers to `Api.Stage` finds the stage that SAM makes, whose logical id holds the stage's name. With a parameter for a name
        it does not, since language extensions put in the value before SAM looks.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
        """
        self.assertEqual(TEMPLATE["Resources"]["Api"]["Properties"]["StageName"], "live")

    def test_cloudformation_gets_no_aliases_which_it_does_not_read(self):
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html"""
        written = yamlhelper.yaml_dump(yamlhelper.yaml_parse(TEXT))
        self.assertIn("*headers", TEXT)
        self.assertFalse([token for token in yaml.scan(written) if isinstance(token, (yaml.AliasToken, yaml.AnchorToken))])

    def test_each_output_is_explained(self):
        for name, output in TEMPLATE["Outputs"].items():
            self.assertTrue(output["Description"], name)

    def test_each_configuration_sets_parameters_that_exist_to_values_that_are_allowed(self):
        self.assertEqual(set(CONFIGURATIONS), {"dev", "prod"})
        for configuration, overrides in CONFIGURATIONS.items():
            for name, value in overrides.items():
                with self.subTest(f"{configuration} {name}"):
                    parameter = TEMPLATE["Parameters"][name]
                    self.assertIn(value, [str(allowed) for allowed in parameter.get("AllowedValues", [value])])
                    self.assertRegex(value, parameter.get("AllowedPattern", ".*"))
                    if parameter["Type"] == "Number":
                        self.assertGreaterEqual(int(value), parameter.get("MinValue", 0))

    def test_each_configuration_says_where_and_bears_its_name(self):
        for name, section in tomllib.loads((ROOT / "samconfig.toml").read_text()).items():
            if name in CONFIGURATIONS:
                self.assertEqual(section["deploy"]["parameters"]["region"], "eu-west-1")
                self.assertEqual(section["deploy"]["parameters"]["tags"], f"project=kyc-api environment={name}")

    def test_sam_knows_what_it_is_configured_with(self):
        """What it does not know it ignores in silence."""
        context = click.Context(sam, obj=True)
        for configuration, section in tomllib.loads((ROOT / "samconfig.toml").read_text()).items():
            for name, settings in section.items() if configuration != "version" else ():
                group, command = sam.get_command(context, "local") if name.startswith("local_") else sam, name.removeprefix("local_")
                options = {option.name for option in group.get_command(context, command.replace("_", "-")).params}
                self.assertLessEqual(set(settings["parameters"]), options, f"{configuration} {name}")

    def test_a_parameter_that_changes_makes_a_new_version_of_each_function_that_reads_it(self):
        """Without a new version, what is live goes on with the old value."""
        versions = set(DEFAULTS.all("AWS::Lambda::Version"))
        common = TEMPLATE["Globals"]["Function"]["Environment"]
        for name in TEMPLATE["Parameters"]:
            readers = {
                function for function, resource in TEMPLATE["Resources"].items()
                if resource["Type"] == "AWS::Serverless::Function" and name in referred([common, resource["Properties"]["Environment"]])}
            if readers:
                with self.subTest(name):
                    changed = set(Stack({name: "other"}).all("AWS::Lambda::Version")) - versions
                    self.assertEqual({version.split("Version")[0] for version in changed}, readers)

    def test_an_error_type_that_changes_is_deployed_to_the_api(self):
        changed = Stack({"ErrorTypeBase": "https://example.com"})
        self.assertNotEqual(set(changed.all("AWS::ApiGateway::Deployment")), set(DEFAULTS.all("AWS::ApiGateway::Deployment")))

    def test_a_function_is_invoked_by_its_alias_and_without_a_payload(self):
        """Without a qualifier $LATEST would run. Version 2 of the AWS CLI takes a payload for base64, which version 1 did not.
        https://docs.aws.amazon.com/cli/latest/userguide/cliv2-migration-changes.html
        """
        for document in documented.DOCUMENTS:
            for command, _ in documented.shell(document.read_text()):
                for invocation in re.findall(r"aws lambda invoke[^\n]*", command):
                    self.assertIn("--qualifier live", invocation)
                    self.assertNotIn("--payload", invocation)

    def test_restored_tables_take_the_place_of_the_tables_and_can_do_so_again(self):
        once = restored.renamed(TEXT, "kyc-api-restored")
        again = yaml_parse(restored.renamed(once, "kyc-api-again"))
        once = yaml_parse(once)
        tables = {"UsersTable", "HistoryTable"}
        for template, were, now in ((once, "", "Restored"), (again, "Restored", "")):
            prefix = "kyc-api-restored" if now else "kyc-api-again"
            found = {name: resource["Properties"].pop("TableName") for name, resource in template["Resources"].items()
                     if "TableName" in resource["Properties"]}
            self.assertEqual(found, {f"{now}{table}": f"{prefix}-{were}{table}" for table in tables})
            self.assertEqual(set(template["Outputs"]), set(TEMPLATE["Outputs"]))
            self.assertLessEqual(tables & set(referred(template)), set(found))
        self.assertEqual(again, TEMPLATE)

    def test_the_apis_of_the_example_ask_the_gate_and_may_do_so(self):
        gate = "arn:aws:lambda:eu-west-1:000000000000:function:kyc-gate:live"
        template = yaml_parse((ROOT / "examples/authorizer/template.yaml").read_text())
        template["Resources"]["AccountsFunction"]["Properties"]["CodeUri"] = "s3://code/archive"
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
        resources = translator.translate(template, parameter_values={"KycGate": gate})["Resources"]
        allowed = [resource["Properties"]["SourceArn"]["Fn::Sub"] for resource in resources.values()
                   if resource["Type"] == "AWS::Lambda::Permission" and resource["Properties"]["FunctionName"] in (gate, {"Ref": "KycGate"})]
        self.assertTrue(all(arn[0].endswith("/authorizers/*") for arn in allowed), allowed)
        self.assertEqual([arn[1]["__ApiId__"]["Ref"] for arn in allowed], ["AccountsApi", "AccountsHttpApi"])
        rest = resources["AccountsApi"]["Properties"]["Body"]
        asks = rest["securityDefinitions"]["VerifiedUsers"]["x-amazon-apigateway-authorizer"]
        self.assertEqual((asks["type"], asks["identitySource"], asks["authorizerResultTtlInSeconds"]), ("request", "method.request.header.x-juno-jwt", 60))
        http = resources["AccountsHttpApi"]["Properties"]["Body"]
        asks = http["components"]["securitySchemes"]["VerifiedUsers"]["x-amazon-apigateway-authorizer"]
        self.assertEqual((asks["identitySource"], asks["authorizerResultTtlInSeconds"]), (["$request.header.x-juno-jwt"], 60))
        self.assertEqual((asks["authorizerPayloadFormatVersion"], asks["enableSimpleResponses"]), ("2.0", True))
        for body in (rest, http):
            self.assertEqual(body["paths"]["/accounts"]["get"]["security"], [{"VerifiedUsers": []}])

    def test_the_runbook_has_an_entry_for_each_alarm_and_no_other(self):
        alarms = {properties["AlarmName"].removeprefix("kyc-api-") for properties in DEFAULTS.all("AWS::CloudWatch::Alarm").values()}
        headings = set(re.findall(r"^## ([a-z]+(?:-[a-z]+)*)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE))
        self.assertEqual(headings, alarms)


if __name__ == "__main__":
    unittest.main()
