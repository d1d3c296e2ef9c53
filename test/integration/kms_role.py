"""Makes a role in ministack whose policy allows some actions on some resources, and prints credentials for it as JSON.

Usage: kms_role.py ENDPOINT RESOURCE ACTION...; who asks is in the environment.
"""

import json
import sys
import uuid

import botocore.session

endpoint, resource, *actions = sys.argv[1:]
session = botocore.session.get_session()
iam, sts = (session.create_client(service, endpoint_url=endpoint, region_name="us-east-1") for service in ("iam", "sts"))

name = f"mlsign-{uuid.uuid4().hex}"
trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
allow = {"Effect": "Allow", "Action": actions, "Resource": resource}


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="signing", PolicyDocument=policy(allow))
credentials = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
print(
    json.dumps(
        {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
    )
)
