"""One scenario through PyMongo, in a process of its own. Prints the driver's command-monitoring events as lines of canonical
Extended JSON (test/real/support/truth.mjs reads them).

    python workload_pymongo.py URI SCENARIO [CONTROL_URI]

CONTROL_URI reaches the server past the proxy, to arm failpoints unseen.
"""

import sys
import threading

from bson import Int64
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from pymongo import CursorType, DeleteOne, InsertOne, MongoClient, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener, ConnectionPoolListener, ServerHeartbeatListener, TopologyListener
from pymongo.server_api import ServerApi

print_lock = threading.Lock()


def emit(event):
    line = dumps(event, json_options=CANONICAL_JSON_OPTIONS)
    with print_lock:
        sys.stdout.write(line + "\n")


class Commands(CommandListener):
    def started(self, event):
        emit(
            {
                "event": "started",
                "id": event_id(event),
                "name": event.command_name,
                "database": event.database_name,
                "command": event.command,
            }
        )

    def succeeded(self, event):
        emit({"event": "succeeded", "id": event_id(event), "reply": event.reply})

    def failed(self, event):
        failure = event.failure
        is_reply = "ok" in failure or "code" in failure
        emit({"event": "failed", "id": event_id(event), "isReply": is_reply, "code": failure.get("code", 0)})


def event_id(event):
    return f"{event.connection_id}/{event.server_connection_id}/{event.request_id}"


# What of a hello names members.
MEMBER_FIELDS = ["hosts", "passives", "arbiters", "primary", "me"]


def text(address):
    return f"{address[0]}:{address[1]}"


class Connections(ConnectionPoolListener):
    def connection_created(self, event):
        emit({"event": "dialled", "address": text(event.address)})

    def _ignored(self, event):
        pass

    pool_created = pool_ready = pool_cleared = pool_closed = _ignored
    connection_ready = connection_closed = _ignored
    connection_check_out_started = connection_check_out_failed = _ignored
    connection_checked_out = connection_checked_in = _ignored


def servers_of(description):
    return [text(address) for address in description.server_descriptions()]


class Topology(TopologyListener):
    def opened(self, event):
        pass

    def description_changed(self, event):
        emit({"event": "topology", "servers": servers_of(event.new_description)})

    def closed(self, event):
        pass


class Heartbeats(ServerHeartbeatListener):
    def __init__(self):
        self.count = 0
        self.changed = threading.Condition()

    def started(self, event):
        emit({"event": "dialled", "address": text(event.connection_id)})

    def succeeded(self, event):
        reply = event.reply.document
        names = {field: reply[field] for field in MEMBER_FIELDS if field in reply}
        emit({"event": "heartbeat", "awaited": event.awaited, "hello": names})
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def failed(self, event):
        pass

    def wait(self, count):
        with self.changed:
            goal = self.count + count
            if not self.changed.wait_for(lambda: self.count >= goal, timeout=30):
                raise RuntimeError("no heartbeats")


def order(i):
    return {"_id": i, "customer": f"c{i % 7}", "total": i * 3, "tags": ["a", "b"]}


def failing(run):
    """Expects `run` to raise an error of the driver."""
    try:
        run()
    except PyMongoError:
        return
    raise RuntimeError("an operation that should fail did not")


def crud(client, db, **_):
    c = db.orders
    c.insert_one({"_id": "one", "total": 1})
    c.insert_many([order(i) for i in range(250)])
    list(c.find({}, batch_size=100, comment="three batches"))
    c.find_one({"_id": 3}, max_time_ms=5000)
    list(c.find({"total": {"$gt": 30}}, {"total": 1}, limit=5, sort=[("total", 1)]))
    c.update_one({"_id": 1}, {"$set": {"total": 99}})
    c.update_many({"customer": "c2"}, {"$inc": {"total": 1}})
    c.replace_one({"_id": 2}, {"total": 0})
    c.update_one({"_id": "new"}, {"$set": {"total": 5}}, upsert=True)
    c.delete_one({"_id": 4})
    c.delete_many({"customer": "c3"})
    c.bulk_write(
        [
            InsertOne({"_id": 1000}),
            InsertOne({"_id": 1001}),
            UpdateOne({"_id": 1000}, {"$set": {"total": 1}}),
            DeleteOne({"_id": 1001}),
        ]
    )
    c.find_one_and_update({"_id": 5}, {"$set": {"seen": True}}, return_document=ReturnDocument.AFTER)
    c.find_one_and_delete({"_id": 6})
    c.find_one_and_delete({"_id": "nobody"})
    c.estimated_document_count()
    c.count_documents({"customer": "c1"})
    c.distinct("customer")
    list(c.aggregate([{"$group": {"_id": "$customer", "n": {"$sum": 1}}}], batchSize=2))
    half = c.find({}, batch_size=10)
    next(half)
    half.close()


def mixed(client, db, **_):
    c = db.orders
    c.insert_many([order(i) for i in range(60)])
    list(c.find({}, batch_size=25))
    c.update_many({"customer": "c2"}, {"$inc": {"total": 1}})
    failing(lambda: c.insert_one({"_id": 1}))
    failing(lambda: list(c.find({"total": {"$noSuchOperator": 1}})))
    c.with_options(write_concern=WriteConcern(w=0)).insert_one({"_id": "silent"})
    c.count_documents({})
    c.delete_many({})


def errors(client, db, **_):
    c = db.orders
    c.insert_one({"_id": 1})
    failing(lambda: c.insert_one({"_id": 1}))
    failing(lambda: c.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 1}, {"_id": 3}], ordered=False))
    failing(lambda: list(c.find({"total": {"$noSuchOperator": 1}})))
    failing(lambda: list(c.aggregate([{"$noSuchStage": {}}])))
    failing(lambda: db.command("noSuchCommand"))
    failing(lambda: db.command("getMore", Int64(123456789), collection="orders"))
    failing(lambda: c.update_one({"_id": 1}, {"$noSuchUpdate": {"a": 1}}))


def failpoints(client, db, fail_point, **_):
    c = db.orders
    c.insert_one({"_id": 1})
    fail_point({"failCommands": ["insert"], "writeConcernError": {"code": 64, "errmsg": "waiting timed out"}})
    failing(lambda: c.insert_one({"_id": 2}))
    fail_point({"failCommands": ["find"], "errorCode": 50})
    failing(lambda: c.find_one({"_id": 2}))
    fail_point({"failCommands": ["distinct"], "closeConnection": True})
    failing(lambda: c.distinct("total"))
    c.find_one({"_id": 1})


def unacknowledged(client, db, **_):
    c = db.orders.with_options(write_concern=WriteConcern(w=0))
    c.insert_one({"_id": 1})
    c.insert_many([order(i) for i in range(10, 30)])
    c.update_one({"_id": 1}, {"$set": {"total": 2}})
    c.delete_one({"_id": 11})
    c.bulk_write([InsertOne({"_id": 50}), DeleteOne({"_id": 51})])
    db.orders.find_one({"_id": 1})


def transactions(client, db, **_):
    c = db.orders
    c.insert_one({"_id": "before"})
    with client.start_session() as session:
        session.start_transaction()
        c.insert_one({"_id": "t1"}, session=session)
        c.update_one({"_id": "t1"}, {"$set": {"total": 1}}, session=session)
        c.find_one({"_id": "t1"}, session=session)
        session.commit_transaction()
        session.start_transaction()
        c.insert_many([{"_id": "t2"}, {"_id": "t3"}], session=session)
        session.abort_transaction()
    c.count_documents({})


def retries(client, db, fail_point, **_):
    """Writes and reads that the driver sends again by itself: after a lost connection, and after an error that says so."""
    c = db.orders
    c.insert_one({"_id": "before"})
    fail_point({"failCommands": ["insert"], "closeConnection": True})
    c.insert_one({"_id": "again"})
    fail_point({"failCommands": ["update"], "errorCode": 262, "errorLabels": ["RetryableWriteError"]})
    c.update_one({"_id": "again"}, {"$inc": {"total": 1}})
    fail_point({"failCommands": ["find"], "closeConnection": True})
    again = c.find_one({"_id": "again"})
    if again is None or again.get("total") != 1:
        raise RuntimeError(f"not written once: {again}")


def change_stream(client, db, **_):
    c = db.orders
    c.insert_one({"_id": "before"})
    with c.watch(max_await_time_ms=300) as stream:
        # An awaited getMore that ends without a document.
        stream.try_next()
        writer = threading.Thread(target=lambda: c.insert_one({"_id": "seen"}))
        writer.start()
        stream.next()
        writer.join()
        c.update_one({"_id": "seen"}, {"$set": {"total": 1}})
        stream.next()


def exhaust(client, db, **_):
    c = db.orders
    c.insert_many([order(i) for i in range(250)])
    rows = list(c.find({}, cursor_type=CursorType.EXHAUST, batch_size=50))
    if len(rows) != 250:
        raise RuntimeError(f"{len(rows)} documents of 250")
    c.find_one({"_id": 1})


def tailable(client, db, **_):
    db.create_collection("log", capped=True, size=100_000)
    db.log.insert_many([{"_id": i} for i in range(3)])
    cursor = db.log.find({}, cursor_type=CursorType.TAILABLE_AWAIT, batch_size=2).max_await_time_ms(200)
    for _ in range(3):
        next(cursor)
    # Nothing more is there: an awaited getMore that ends empty.
    for _ in cursor:
        raise RuntimeError("a document that nobody wrote")
    cursor.close()


def stable_api(client, db, **_):
    db.orders.insert_one({"_id": 1})
    db.orders.find_one({"_id": 1})


def monitor(client, db, heartbeats, **_):
    db.command("ping")
    heartbeats.wait(3)


def crowd(client, db, **_):
    """300 operations of six kinds from eight threads at once."""

    def worker(w):
        c = db[f"crowd{w % 2}"]
        for i in range(6):
            c.insert_one({"_id": f"{w}-{i}"})
            c.find_one({"_id": f"{w}-{i}"})
            c.update_one({"_id": f"{w}-{i}"}, {"$set": {"i": i}})
            list(c.find({}, batch_size=1000))
            c.distinct("i")
            c.delete_one({"_id": f"{w}-{i}"})

    threads = [threading.Thread(target=worker, args=(w,)) for w in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(12):
        db.crowd0.find_one({"_id": i})


SCENARIOS = {
    "crud": crud,
    "mixed": mixed,
    "errors": errors,
    "failpoints": failpoints,
    "unacknowledged": unacknowledged,
    "transactions": transactions,
    "changeStream": change_stream,
    "retries": retries,
    "exhaust": exhaust,
    "tailable": tailable,
    "stableApi": stable_api,
    "monitor": monitor,
    "crowd": crowd,
}


def main():
    uri, name = sys.argv[1:3]
    control_uri = sys.argv[3] if len(sys.argv) > 3 else uri
    heartbeats = Heartbeats()
    options = {"event_listeners": [Commands(), Connections(), Topology(), heartbeats], "serverSelectionTimeoutMS": 10_000}
    if name == "monitor":
        options["heartbeatFrequencyMS"] = 500
    if name == "failpoints":
        options["retryReads"] = options["retryWrites"] = False
    if name == "stableApi":
        options["server_api"] = ServerApi("1")

    def fail_point(data):
        with MongoClient(control_uri) as control:
            control.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data})

    with MongoClient(uri, **options) as client:
        SCENARIOS[name](client=client, db=client.shop, heartbeats=heartbeats, fail_point=fail_point)
        # Before the client forgets them.
        servers = servers_of(client.topology_description)
    emit({"event": "done", "servers": servers})


main()
