"""Makes a role in ministack that may do some things with a resource, and prints its credentials as NAME=VALUE.

Usage: assume_role.py RESOURCE ACTION...; where ministack is (KMS_URL) and who asks are in the environment.
"""

import json
import os
import sys
import uuid

import botocore.session

resource, *actions = sys.argv[1:]
session = botocore.session.get_session()
iam, sts = (session.create_client(service, endpoint_url=os.environ["KMS_URL"], region_name="us-east-1") for service in ("iam", "sts"))

name = f"mlsign-{uuid.uuid4().hex}"
trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
allow = {"Effect": "Allow", "Action": actions, "Resource": resource}


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="signing", PolicyDocument=policy(allow))
credentials = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
for variable, field in (("ACCESS_KEY_ID", "AccessKeyId"), ("SECRET_ACCESS_KEY", "SecretAccessKey"), ("SESSION_TOKEN", "SessionToken")):
    print(f"AWS_{variable}={credentials[field]}")
