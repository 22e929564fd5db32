"""The mixed workload of dynamodb.real.mjs through boto3. Knows its endpoint from AWS_ENDPOINT_URL alone, as applications do.

Prints one JSON line per HTTP attempt: {operation, input, output, status, code, attempt}, and {"done": true}.
"""
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

client = boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))


# Of the attempt under way: the hooks of one run in its thread.
current = threading.local()
output_lock = threading.Lock()


def keep_input(params, model, **_):
    current.operation, current.input = model.name, params


def keep_attempt(request, **_):
    header = request.headers["amz-sdk-request"]
    text = header.decode() if isinstance(header, bytes) else header
    current.attempt = int(re.search(r"attempt=(\d+)", text)[1])


def tell(parsed_response, **_):
    output = dict(parsed_response or {})
    status = output.pop("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = output.pop("Error", {}).get("Code", "") if status >= 300 or status == 0 else ""
    line = {
        "operation": current.operation,
        "input": current.input,
        "output": output if code == "" else {},
        "status": status,
        "code": code,
        "attempt": current.attempt,
    }
    with output_lock:
        print(json.dumps(line, default=str), flush=True)


events = client.meta.events
events.register("before-parameter-build.dynamodb", keep_input)
events.register("before-send.dynamodb", keep_attempt)
events.register("response-received.dynamodb", tell)


def send(method, **arguments):
    """What fails is told by the event; the workload goes on."""
    try:
        return getattr(client, method)(**arguments)
    except ClientError:
        return None


def key(i):
    return {"id": {"S": f"order#{i}"}}


def item(i):
    return {**key(i), "city": {"S": "Oslo" if i % 2 == 0 else "Rome"}, "text": {"S": '"{[\\ é' * i}}


def puts(start, count):
    return [{"PutRequest": {"Item": item(start + i)}} for i in range(count)]


UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
for table in ("orders", "users"):
    send(
        "create_table",
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "city")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        ProvisionedThroughput=UNITS,
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_city",
                "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": UNITS,
            }
        ],
    )
    for _ in range(100):
        if client.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE":
            break

total = {"ReturnConsumedCapacity": "TOTAL"}
orders = {"TableName": "orders"}
for i in range(20):
    send("put_item", **orders, Item=item(i), ReturnConsumedCapacity="TOTAL" if i % 2 == 0 else "INDEXES")
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda i: send("get_item", **orders, Key=key(i), **total), range(30)))
send("update_item", **orders, Key=key(1), UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "1"}})
send("delete_item", **orders, Key=key(0))
query = client.get_paginator("query").paginate(
    **orders,
    **total,
    IndexName="by_city",
    KeyConditionExpression="city = :c",
    ExpressionAttributeValues={":c": {"S": "Rome"}},
    PaginationConfig={"PageSize": 3},
)
list(query)
list(client.get_paginator("scan").paginate(**orders, **total, PaginationConfig={"PageSize": 7}))


def both(requests):
    return {"RequestItems": {"orders": requests, "users": requests}, **total}


send("batch_write_item", **both(puts(100, 10)))
keys = {"Keys": [key(i) for i in (100, 101, 999)]}
send("batch_get_item", **both(keys))
send("batch_get_item", RequestItems={"users": keys})


def transact(condition):
    put = {**orders, "Item": item(1), **condition}
    return {"TransactItems": [{"Put": put}, {"Delete": {"TableName": "users", "Key": key(100)}}], **total}


is_new = {"ConditionExpression": "attribute_not_exists(id)"}
send("transact_write_items", **transact({}))
send("transact_write_items", **transact(is_new))
gets = [{"Get": {**orders, "Key": key(1)}}, {"Get": {"TableName": "users", "Key": key(9)}}]
send("transact_get_items", TransactItems=gets, **total)

SELECT = """SELECT * FROM "orders" WHERE id = 'p1'"""
NOWHERE = """SELECT * FROM "nowhere" WHERE id = 'p1'"""
for statement in (
    """INSERT INTO "orders" VALUE {'id': 'p1', 'city': 'Bonn'}""",
    SELECT,
    """UPDATE "orders" SET city = 'Rome' WHERE id = 'p1'""",
    NOWHERE,
):
    send("execute_statement", Statement=statement)


def statements(*texts):
    return [{"Statement": text} for text in texts]


inserts = statements("""INSERT INTO "users" VALUE {'id': 'p2'}""", """INSERT INTO "orders" VALUE {'id': 'p2'}""")
send("batch_execute_statement", Statements=inserts)
send("batch_execute_statement", Statements=statements(SELECT, NOWHERE))
send("execute_transaction", TransactStatements=statements(SELECT))
send("put_item", **orders, Item=item(1), **is_new)
send("get_item", TableName="nowhere", Key=key(1))
send("get_item", **orders, Key={"wrong": {"S": "1"}})
send("list_tables")
send("delete_table", TableName="users")
print('{"done": true}')
