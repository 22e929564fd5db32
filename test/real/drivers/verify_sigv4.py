"""Computes the signatures of requests again, with botocore: SigV4Auth shares no code with the AWS SDK for JavaScript.

stdin: {"secret_key": …, "requests": [{"method", "target", "headers", "body"}, …]}, header names in lower case, bodies in base64.
stdout: a list of {"given", "computed", "scope", "signed", "body_hash"}, one for each.
"""

import base64
import hashlib
import json
import re
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FIELD = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})")


def verify(request, secret_key):
    headers = request["headers"]
    key_id, scope, signed, given = FIELD.fullmatch(headers["authorization"]).groups()
    _, region, service, _ = scope.split("/")
    again = AWSRequest(
        method=request["method"],
        url=f"https://{headers['host']}{request['target']}",
        headers={name: headers[name] for name in signed.split(";")},
    )
    again.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(key_id, secret_key), service, region)
    computed = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    body_hash = hashlib.sha256(base64.b64decode(request["body"])).hexdigest()
    return {"given": given, "computed": computed, "scope": scope, "signed": signed, "body_hash": body_hash}


def main():
    job = json.load(sys.stdin)
    json.dump([verify(request, job["secret_key"]) for request in job["requests"]], sys.stdout)


main()
