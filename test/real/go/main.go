// One scenario through the Go driver, in a process of its own. Prints the driver's command-monitoring events as lines of
// canonical Extended JSON (test/real/support/truth.mjs reads them).
//
//	workload URI SCENARIO [CONTROL_URI]
//
// CONTROL_URI reaches the server past the proxy, to arm failpoints unseen.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

var printLock sync.Mutex

func emit(fields bson.D) {
	line, err := bson.MarshalExtJSON(fields, true, false)
	check(err)
	printLock.Lock()
	defer printLock.Unlock()
	fmt.Println(string(line))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// mustFail expects an operation to end with an error.
func mustFail(err error) {
	if err == nil {
		check(errors.New("an operation that should fail did not"))
	}
}

func commandMonitor() *event.CommandMonitor {
	id := func(connection string, request int64) string { return fmt.Sprintf("%s/%d", connection, request) }
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			emit(bson.D{{"event", "started"}, {"id", id(e.ConnectionID, e.RequestID)}, {"name", e.CommandName},
				{"database", e.DatabaseName}, {"command", e.Command}})
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			emit(bson.D{{"event", "succeeded"}, {"id", id(e.ConnectionID, e.RequestID)}, {"reply", e.Reply}})
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			var reply driver.Error
			isReply := errors.As(e.Failure, &reply) && reply.Code != 0
			emit(bson.D{{"event", "failed"}, {"id", id(e.ConnectionID, e.RequestID)}, {"isReply", isReply}, {"code", reply.Code}})
		},
	}
}

// beats counts heartbeats and lets a scenario wait for more.
type beats struct {
	seen    chan struct{}
	servers atomic.Pointer[bson.A]
}

func (b *beats) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{
		ServerHeartbeatSucceeded: func(e *event.ServerHeartbeatSucceededEvent) {
			emit(bson.D{{"event", "heartbeat"}, {"awaited", e.Awaited}})
			select {
			case b.seen <- struct{}{}:
			default:
			}
		},
		ServerHeartbeatStarted: func(e *event.ServerHeartbeatStartedEvent) { emitDialled(e.ConnectionID) },
		// Replies are not shown here; what they told is in the descriptions.
		ServerDescriptionChanged: func(e *event.ServerDescriptionChangedEvent) {
			d := e.NewDescription
			hello := bson.D{{"hosts", d.Hosts}, {"passives", d.Passives}, {"arbiters", d.Arbiters}}
			for field, name := range map[string]string{"me": string(d.CanonicalAddr), "primary": string(d.Primary)} {
				if name != "" {
					hello = append(hello, bson.E{Key: field, Value: name})
				}
			}
			emit(bson.D{{"event", "told"}, {"hello", hello}})
		},
		TopologyDescriptionChanged: func(e *event.TopologyDescriptionChangedEvent) {
			servers := bson.A{}
			for _, server := range e.NewDescription.Servers {
				servers = append(servers, server.Addr.String())
			}
			b.servers.Store(&servers)
			emit(bson.D{{"event", "topology"}, {"servers", servers}})
		},
	}
}

// emitDialled takes an address, or the id of a connection: an address followed by more, or 0 before there is one.
func emitDialled(connection string) {
	address, _, _ := strings.Cut(connection, "[")
	if !strings.Contains(address, ":") {
		return
	}
	emit(bson.D{{"event", "dialled"}, {"address", address}})
}

func poolMonitor() *event.PoolMonitor {
	return &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		if e.Type == event.ConnectionCreated {
			emitDialled(e.Address)
		}
	}}
}

func (b *beats) wait(count int) {
	for range count {
		<-b.seen
	}
}

type lab struct {
	client    *mongo.Client
	db        *mongo.Database
	beats     *beats
	failPoint func(data bson.D)
}

func order(i int) bson.D {
	return bson.D{{"_id", i}, {"customer", fmt.Sprintf("c%d", i%7)}, {"total", i * 3}, {"tags", bson.A{"a", "b"}}}
}

func orders(from, to int) []any {
	var all []any
	for i := from; i < to; i++ {
		all = append(all, order(i))
	}
	return all
}

func id(value any) bson.D { return bson.D{{"_id", value}} }

func set(field string, value any) bson.D { return bson.D{{"$set", bson.D{{field, value}}}} }

func drain(ctx context.Context, cursor *mongo.Cursor, err error) {
	check(err)
	for cursor.Next(ctx) {
	}
	check(cursor.Err())
	check(cursor.Close(ctx))
}

// must takes the result of a call whose value is of no interest.
func must[T any](_ T, err error) { check(err) }

var everything = bson.D{}

func crud(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, bson.D{{"_id", "one"}, {"total", 1}}))
	must(c.InsertMany(ctx, orders(0, 250)))
	cursor, err := c.Find(ctx, everything, options.Find().SetBatchSize(100).SetComment("three batches"))
	drain(ctx, cursor, err)
	check(c.FindOne(ctx, id(3)).Err())
	cursor, err = c.Find(ctx, bson.D{{"total", bson.D{{"$gt", 30}}}},
		options.Find().SetLimit(5).SetSort(bson.D{{"total", 1}}).SetProjection(bson.D{{"total", 1}}))
	drain(ctx, cursor, err)
	must(c.UpdateOne(ctx, id(1), set("total", 99)))
	must(c.UpdateMany(ctx, bson.D{{"customer", "c2"}}, bson.D{{"$inc", bson.D{{"total", 1}}}}))
	must(c.ReplaceOne(ctx, id(2), bson.D{{"total", 0}}))
	must(c.UpdateOne(ctx, id("new"), set("total", 5), options.UpdateOne().SetUpsert(true)))
	must(c.DeleteOne(ctx, id(4)))
	must(c.DeleteMany(ctx, bson.D{{"customer", "c3"}}))
	must(c.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(id(1000)),
		mongo.NewInsertOneModel().SetDocument(id(1001)),
		mongo.NewUpdateOneModel().SetFilter(id(1000)).SetUpdate(set("total", 1)),
		mongo.NewDeleteOneModel().SetFilter(id(1001)),
	}))
	check(c.FindOneAndUpdate(ctx, id(5), set("seen", true)).Err())
	check(c.FindOneAndDelete(ctx, id(6)).Err())
	if err := c.FindOneAndDelete(ctx, id("nobody")).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		check(err)
	}
	must(c.EstimatedDocumentCount(ctx))
	must(c.CountDocuments(ctx, bson.D{{"customer", "c1"}}))
	check(c.Distinct(ctx, "customer", everything).Err())
	group := mongo.Pipeline{{{"$group", bson.D{{"_id", "$customer"}, {"n", bson.D{{"$sum", 1}}}}}}}
	cursor, err = c.Aggregate(ctx, group, options.Aggregate().SetBatchSize(2))
	drain(ctx, cursor, err)
	half, err := c.Find(ctx, everything, options.Find().SetBatchSize(10))
	check(err)
	half.Next(ctx)
	check(half.Close(ctx))
}

func silent(l lab) *mongo.Collection {
	return l.db.Collection("orders", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
}

func mixed(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertMany(ctx, orders(0, 60)))
	cursor, err := c.Find(ctx, everything, options.Find().SetBatchSize(25))
	drain(ctx, cursor, err)
	must(c.UpdateMany(ctx, bson.D{{"customer", "c2"}}, bson.D{{"$inc", bson.D{{"total", 1}}}}))
	_, err = c.InsertOne(ctx, id(1))
	mustFail(err)
	_, err = c.Find(ctx, bson.D{{"total", bson.D{{"$noSuchOperator", 1}}}})
	mustFail(err)
	must(silent(l).InsertOne(ctx, id("silent")))
	must(c.CountDocuments(ctx, everything))
	must(c.DeleteMany(ctx, everything))
}

func failures(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, id(1)))
	_, err := c.InsertOne(ctx, id(1))
	mustFail(err)
	_, err = c.InsertMany(ctx, []any{id(1), id(2), id(1), id(3)}, options.InsertMany().SetOrdered(false))
	mustFail(err)
	_, err = c.Find(ctx, bson.D{{"total", bson.D{{"$noSuchOperator", 1}}}})
	mustFail(err)
	_, err = c.Aggregate(ctx, mongo.Pipeline{{{"$noSuchStage", bson.D{}}}})
	mustFail(err)
	mustFail(l.db.RunCommand(ctx, bson.D{{"noSuchCommand", 1}}).Err())
	mustFail(l.db.RunCommand(ctx, bson.D{{"getMore", int64(123456789)}, {"collection", "orders"}}).Err())
	_, err = c.UpdateOne(ctx, id(1), bson.D{{"$noSuchUpdate", bson.D{{"a", 1}}}})
	mustFail(err)
}

func failpoints(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, id(1)))
	l.failPoint(bson.D{{"failCommands", bson.A{"insert"}},
		{"writeConcernError", bson.D{{"code", 64}, {"errmsg", "waiting timed out"}}}})
	_, err := c.InsertOne(ctx, id(2))
	mustFail(err)
	l.failPoint(bson.D{{"failCommands", bson.A{"find"}}, {"errorCode", 50}})
	mustFail(c.FindOne(ctx, id(2)).Err())
	l.failPoint(bson.D{{"failCommands", bson.A{"distinct"}}, {"closeConnection", true}})
	mustFail(c.Distinct(ctx, "total", everything).Err())
	check(c.FindOne(ctx, id(1)).Err())
}

func unacknowledged(ctx context.Context, l lab) {
	c := silent(l)
	must(c.InsertOne(ctx, id(1)))
	must(c.InsertMany(ctx, orders(10, 30)))
	must(c.UpdateOne(ctx, id(1), set("total", 2)))
	must(c.DeleteOne(ctx, id(11)))
	err := l.db.Collection("orders").FindOne(ctx, id("nobody")).Err()
	if !errors.Is(err, mongo.ErrNoDocuments) {
		check(err)
	}
}

func transactions(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, id("before")))
	session, err := l.client.StartSession()
	check(err)
	in := mongo.NewSessionContext(ctx, session)
	check(session.StartTransaction())
	must(c.InsertOne(in, id("t1")))
	must(c.UpdateOne(in, id("t1"), set("total", 1)))
	check(c.FindOne(in, id("t1")).Err())
	check(session.CommitTransaction(ctx))
	check(session.StartTransaction())
	must(c.InsertMany(in, []any{id("t2"), id("t3")}))
	check(session.AbortTransaction(ctx))
	session.EndSession(ctx)
	must(c.CountDocuments(ctx, everything))
}

// retries are writes and reads that the driver sends again by itself: after a lost connection, and after an error that says so.
func retries(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, id("before")))
	l.failPoint(bson.D{{"failCommands", bson.A{"insert"}}, {"closeConnection", true}})
	must(c.InsertOne(ctx, id("again")))
	l.failPoint(bson.D{{"failCommands", bson.A{"update"}}, {"errorCode", 262},
		{"errorLabels", bson.A{"RetryableWriteError"}}})
	must(c.UpdateOne(ctx, id("again"), bson.D{{"$inc", bson.D{{"total", 1}}}}))
	l.failPoint(bson.D{{"failCommands", bson.A{"find"}}, {"closeConnection", true}})
	var again struct{ Total int }
	check(c.FindOne(ctx, id("again")).Decode(&again))
	if again.Total != 1 {
		check(fmt.Errorf("not written once: %+v", again))
	}
}

func changeStream(ctx context.Context, l lab) {
	c := l.db.Collection("orders")
	must(c.InsertOne(ctx, id("before")))
	stream, err := c.Watch(ctx, mongo.Pipeline{}, options.ChangeStream().SetMaxAwaitTime(300*time.Millisecond))
	check(err)
	// An awaited getMore that ends without a document.
	stream.TryNext(ctx)
	written := make(chan error, 1)
	go func() {
		_, err := c.InsertOne(ctx, id("seen"))
		written <- err
	}()
	if !stream.Next(ctx) {
		check(fmt.Errorf("the change stream ended: %w", stream.Err()))
	}
	check(<-written)
	must(c.UpdateOne(ctx, id("seen"), set("total", 1)))
	if !stream.Next(ctx) {
		check(fmt.Errorf("the change stream ended: %w", stream.Err()))
	}
	check(stream.Close(ctx))
}

func monitorOnly(ctx context.Context, l lab) {
	check(l.db.RunCommand(ctx, bson.D{{"ping", 1}}).Err())
	l.beats.wait(3)
}

// crowd is 300 operations of six kinds from eight goroutines at once.
func crowd(ctx context.Context, l lab) {
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			c := l.db.Collection(fmt.Sprintf("crowd%d", w%2))
			for i := range 6 {
				key := id(fmt.Sprintf("%d-%d", w, i))
				must(c.InsertOne(ctx, key))
				check(c.FindOne(ctx, key).Err())
				must(c.UpdateOne(ctx, key, set("i", i)))
				cursor, err := c.Find(ctx, everything, options.Find().SetBatchSize(1000))
				drain(ctx, cursor, err)
				check(c.Distinct(ctx, "i", everything).Err())
				must(c.DeleteOne(ctx, key))
			}
		})
	}
	workers.Wait()
	for i := range 12 {
		if err := l.db.Collection("crowd0").FindOne(ctx, id(i)).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
			check(err)
		}
	}
}

var scenarios = map[string]func(context.Context, lab){
	"crud":           crud,
	"mixed":          mixed,
	"errors":         failures,
	"failpoints":     failpoints,
	"unacknowledged": unacknowledged,
	"transactions":   transactions,
	"retries":        retries,
	"changeStream":   changeStream,
	"monitor":        monitorOnly,
	"crowd":          crowd,
}

func main() {
	if len(os.Args) < 3 || scenarios[os.Args[2]] == nil {
		check(errors.New("usage: workload URI SCENARIO [CONTROL_URI]"))
	}
	uri, name, controlURI := os.Args[1], os.Args[2], os.Args[len(os.Args)-1]
	if len(os.Args) < 4 {
		controlURI = uri
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l := lab{beats: &beats{seen: make(chan struct{}, 100)}}
	settings := options.Client().ApplyURI(uri).SetMonitor(commandMonitor()).SetServerMonitor(l.beats.monitor()).
		SetPoolMonitor(poolMonitor()).SetServerSelectionTimeout(10 * time.Second)
	if name == "monitor" {
		settings.SetHeartbeatInterval(500 * time.Millisecond)
	}
	if name == "failpoints" {
		settings.SetRetryReads(false).SetRetryWrites(false)
	}
	l.failPoint = func(data bson.D) {
		control, err := mongo.Connect(options.Client().ApplyURI(controlURI))
		check(err)
		command := bson.D{{"configureFailPoint", "failCommand"}, {"mode", bson.D{{"times", 1}}}, {"data", data}}
		check(control.Database("admin").RunCommand(ctx, command).Err())
		check(control.Disconnect(ctx))
	}
	client, err := mongo.Connect(settings)
	check(err)
	l.client, l.db = client, client.Database("shop")
	scenarios[name](ctx, l)
	// Before the client forgets them.
	servers := l.beats.servers.Load()
	check(client.Disconnect(ctx))
	emit(bson.D{{"event", "done"}, {"servers", servers}})
}
