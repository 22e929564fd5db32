"""One scenario through PyMongo 3.13 against a server from before OP_MSG, in a process of its own. Prints the driver's
command-monitoring events as lines of canonical Extended JSON (test/real/support/truth.mjs reads them).

    python workload_pymongo3.py URI SCENARIO

This driver tells of every opcode as if it had been the command that took its place later. What the opcode does not say is
left out here: OP_KILL_CURSORS has no namespace, OP_QUERY no name for its comment.
"""

import sys

from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from pymongo import MongoClient, WriteConcern
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener

WRITES = {"insert", "update", "delete"}


def emit(event):
    sys.stdout.write(dumps(event, json_options=CANONICAL_JSON_OPTIONS) + "\n")


class Commands(CommandListener):
    def __init__(self):
        self.open = {}

    def started(self, event):
        self.open[event.request_id] = event

    def succeeded(self, event):
        command = dict(self.open[event.request_id].command)
        # A legacy opcode has no reply, so the driver makes one up, without the `n` of a command's; within a bulk it says w: 1 even so.
        if event.command_name in WRITES and "n" not in event.reply:
            command["writeConcern"] = {"w": 0}
        self._emit(event, command, {"event": "succeeded", "reply": event.reply})

    def failed(self, event):
        command = self.open[event.request_id].command
        self._emit(event, command, {"event": "failed", "isReply": True, "code": event.failure.get("code", 0)})

    def _emit(self, event, command, end):
        started = self.open.pop(event.request_id)
        name, database = started.command_name, started.database_name
        if name == "killCursors":
            database, command = "", {"killCursors": "", "writeConcern": {"w": 0}}
        emit({"event": "started", "id": str(event.request_id), "name": name, "database": database, "command": command})
        emit({"id": str(event.request_id), **end})


def failing(run):
    """Expects `run` to raise an error of the driver."""
    try:
        run()
    except PyMongoError:
        return
    raise RuntimeError("an operation that should fail did not")


def opcodes(db):
    c = db.orders
    c.insert_many([{"_id": i, "total": i} for i in range(25)])
    list(c.find({}, batch_size=10))
    c.find_one({"_id": 1})
    c.find_one({"_id": "nobody"})
    silent = c.with_options(write_concern=WriteConcern(w=0))
    silent.insert_one({"_id": "one"})
    silent.insert_many([{"_id": f"many {i}"} for i in range(3)])
    silent.update_one({"_id": 1}, {"$set": {"total": 9}})
    silent.update_many({}, {"$set": {"seen": True}})
    silent.delete_one({"_id": 2})
    half = c.find({}, batch_size=2)
    next(half)
    half.close()
    if c.count_documents({}) != 28:
        raise RuntimeError("the writes without acknowledgement did not all arrive")
    c.distinct("total")
    c.update_one({"_id": 3}, {"$set": {"total": 1}})
    c.delete_one({"_id": 4})
    failing(lambda: c.insert_one({"_id": 1}))
    failing(lambda: list(c.find({"total": {"$noSuchOperator": 1}})))
    failing(lambda: db.command("noSuchCommand"))


def main():
    uri, name = sys.argv[1:3]
    with MongoClient(uri, event_listeners=[Commands()], serverSelectionTimeoutMS=10_000) as client:
        {"opcodes": opcodes}[name](client.shop)
    emit({"event": "done"})


main()
