import static com.mongodb.client.model.Filters.eq;
import static com.mongodb.client.model.Filters.gt;
import static com.mongodb.client.model.Updates.inc;
import static com.mongodb.client.model.Updates.set;

import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.MongoException;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoCursor;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Accumulators;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.InsertManyOptions;
import com.mongodb.client.model.InsertOneModel;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.Sorts;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.connection.ClusterDescription;
import com.mongodb.connection.ConnectionDescription;
import com.mongodb.connection.ServerDescription;
import com.mongodb.event.ClusterDescriptionChangedEvent;
import com.mongodb.event.ClusterListener;
import com.mongodb.event.CommandFailedEvent;
import com.mongodb.event.CommandListener;
import com.mongodb.event.CommandStartedEvent;
import com.mongodb.event.CommandSucceededEvent;
import com.mongodb.event.ConnectionCreatedEvent;
import com.mongodb.event.ConnectionPoolListener;
import com.mongodb.event.ServerDescriptionChangedEvent;
import com.mongodb.event.ServerHeartbeatStartedEvent;
import com.mongodb.event.ServerHeartbeatSucceededEvent;
import com.mongodb.event.ServerListener;
import com.mongodb.event.ServerMonitorListener;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bson.BsonArray;
import org.bson.BsonBoolean;
import org.bson.BsonDocument;
import org.bson.BsonInt32;
import org.bson.BsonString;
import org.bson.BsonValue;
import org.bson.Document;
import org.bson.json.JsonMode;
import org.bson.json.JsonWriterSettings;

/**
 * One scenario through the Java driver, in a process of its own. Prints the driver's command-monitoring events as lines of
 * canonical Extended JSON (test/real/support/truth.mjs reads them).
 *
 * <pre>java Workload URI SCENARIO [CONTROL_URI]</pre>
 *
 * CONTROL_URI reaches the server past the proxy, to arm failpoints unseen. {@code tlsCAFile}, which this driver's URIs do not
 * have, is taken from the URI as the other drivers do.
 */
public final class Workload {
  private static final JsonWriterSettings CANONICAL =
      JsonWriterSettings.builder().outputMode(JsonMode.EXTENDED).build();
  private static final Semaphore HEARTBEATS = new Semaphore(0);

  private final MongoClient client;
  private final MongoDatabase db;
  private final String controlUri;

  private Workload(MongoClient client, String controlUri) {
    this.client = client;
    this.db = client.getDatabase("shop");
    this.controlUri = controlUri;
  }

  interface Scenario {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    String uri = args[0];
    String name = args[1];
    MongoClientSettings.Builder settings = settings(uri).addCommandListener(new Commands());
    settings.applyToConnectionPoolSettings(pool -> pool.addConnectionPoolListener(new Connections()));
    settings.applyToServerSettings(server -> {
      server.addServerMonitorListener(new Heartbeats());
      server.addServerListener(new Descriptions());
      if (name.equals("monitor")) server.heartbeatFrequency(500, TimeUnit.MILLISECONDS);
    });
    settings.applyToClusterSettings(cluster -> {
      cluster.serverSelectionTimeout(10, TimeUnit.SECONDS);
      cluster.addClusterListener(new Topology());
    });
    if (name.equals("failpoints")) settings.retryReads(false).retryWrites(false);
    BsonArray servers;
    try (MongoClient client = MongoClients.create(settings.build())) {
      Workload workload = new Workload(client, args.length > 2 ? args[2] : uri);
      Scenario scenario = workload.scenarios().get(name);
      if (scenario == null) throw new IllegalArgumentException("no scenario " + name);
      scenario.run();
      // Before the client forgets them.
      servers = addresses(client.getClusterDescription());
    }
    emit(event("done").append("servers", servers));
  }

  private Map<String, Scenario> scenarios() {
    Map<String, Scenario> all = new LinkedHashMap<>();
    all.put("crud", this::crud);
    all.put("mixed", this::mixed);
    all.put("errors", this::errors);
    all.put("failpoints", this::failpoints);
    all.put("unacknowledged", this::unacknowledged);
    all.put("transactions", this::transactions);
    all.put("retries", this::retries);
    all.put("changeStream", this::changeStream);
    all.put("crowd", this::crowd);
    all.put("monitor", this::monitor);
    return all;
  }

  private MongoCollection<Document> orders() {
    return db.getCollection("orders");
  }

  private static Document id(Object value) {
    return new Document("_id", value);
  }

  private static List<Document> orders(int from, int to) {
    return IntStream.range(from, to)
        .mapToObj(i -> id(i).append("customer", "c" + i % 7).append("total", i * 3).append("tags", List.of("a", "b")))
        .toList();
  }

  private static List<Document> all(Iterable<Document> documents) {
    List<Document> list = new ArrayList<>();
    documents.forEach(list::add);
    return list;
  }

  /** Expects `run` to end with an error of the driver. */
  private static void failing(Runnable run) {
    try {
      run.run();
    } catch (MongoException expected) {
      return;
    }
    throw new IllegalStateException("an operation that should fail did not");
  }

  private void crud() {
    MongoCollection<Document> c = orders();
    c.insertOne(id("one").append("total", 1));
    c.insertMany(orders(0, 250));
    all(c.find().batchSize(100).comment("three batches"));
    c.find(eq(3)).maxTime(5, TimeUnit.SECONDS).first();
    all(c.find(gt("total", 30)).limit(5).sort(Sorts.ascending("total")).projection(Projections.include("total")));
    c.updateOne(eq(1), set("total", 99));
    c.updateMany(eq("customer", "c2"), inc("total", 1));
    c.replaceOne(eq(2), new Document("total", 0), new ReplaceOptions());
    c.updateOne(eq("new"), set("total", 5), new UpdateOptions().upsert(true));
    c.deleteOne(eq(4));
    c.deleteMany(eq("customer", "c3"));
    c.bulkWrite(
        List.of(
            new InsertOneModel<>(id(1000)),
            new InsertOneModel<>(id(1001)),
            new UpdateOneModel<>(eq(1000), set("total", 1)),
            new DeleteOneModel<>(eq(1001))));
    c.findOneAndUpdate(eq(5), set("seen", true));
    c.findOneAndDelete(eq(6));
    c.findOneAndDelete(eq("nobody"));
    c.estimatedDocumentCount();
    c.countDocuments(eq("customer", "c1"));
    c.distinct("customer", String.class).into(new ArrayList<>());
    all(c.aggregate(List.of(Aggregates.group("$customer", Accumulators.sum("n", 1)))).batchSize(2));
    try (MongoCursor<Document> half = c.find().batchSize(10).iterator()) {
      half.next();
    }
  }

  private void mixed() {
    MongoCollection<Document> c = orders();
    c.insertMany(orders(0, 60));
    all(c.find().batchSize(25));
    c.updateMany(eq("customer", "c2"), inc("total", 1));
    failing(() -> c.insertOne(id(1)));
    failing(() -> all(c.find(new Document("total", new Document("$noSuchOperator", 1)))));
    c.withWriteConcern(WriteConcern.UNACKNOWLEDGED).insertOne(id("silent"));
    c.countDocuments();
    c.deleteMany(new Document());
  }

  private void errors() {
    MongoCollection<Document> c = orders();
    c.insertOne(id(1));
    failing(() -> c.insertOne(id(1)));
    failing(() -> c.insertMany(List.of(id(1), id(2), id(1), id(3)), new InsertManyOptions().ordered(false)));
    failing(() -> all(c.find(new Document("total", new Document("$noSuchOperator", 1)))));
    failing(() -> all(c.aggregate(List.of(new Document("$noSuchStage", new Document())))));
    failing(() -> db.runCommand(new Document("noSuchCommand", 1)));
    failing(() -> db.runCommand(new Document("getMore", 123456789L).append("collection", "orders")));
    failing(() -> c.updateOne(eq(1), new Document("$noSuchUpdate", new Document("a", 1))));
  }

  private void failpoints() {
    MongoCollection<Document> c = orders();
    c.insertOne(id(1));
    failPoint(
        new Document("failCommands", List.of("insert"))
            .append("writeConcernError", new Document("code", 64).append("errmsg", "waiting timed out")));
    failing(() -> c.insertOne(id(2)));
    failPoint(new Document("failCommands", List.of("find")).append("errorCode", 50));
    failing(() -> c.find(eq(2)).first());
    failPoint(new Document("failCommands", List.of("distinct")).append("closeConnection", true));
    failing(() -> c.distinct("total", Integer.class).first());
    c.find(eq(1)).first();
  }

  private void unacknowledged() {
    MongoCollection<Document> c = orders().withWriteConcern(WriteConcern.UNACKNOWLEDGED);
    c.insertOne(id(1));
    c.insertMany(orders(10, 30));
    c.updateOne(eq(1), set("total", 2));
    c.deleteOne(eq(11));
    orders().find(eq("nobody")).first();
  }

  private void transactions() {
    MongoCollection<Document> c = orders();
    c.insertOne(id("before"));
    try (ClientSession session = client.startSession()) {
      session.startTransaction();
      c.insertOne(session, id("t1"));
      c.updateOne(session, eq("t1"), set("total", 1));
      c.find(session, eq("t1")).first();
      session.commitTransaction();
      session.startTransaction();
      c.insertMany(session, List.of(id("t2"), id("t3")));
      session.abortTransaction();
    }
    c.countDocuments();
  }

  /** Writes and reads that the driver sends again by itself: after a lost connection, and after an error that says so. */
  private void retries() {
    MongoCollection<Document> c = orders();
    c.insertOne(id("before"));
    failPoint(new Document("failCommands", List.of("insert")).append("closeConnection", true));
    c.insertOne(id("again"));
    failPoint(
        new Document("failCommands", List.of("update"))
            .append("errorCode", 262)
            .append("errorLabels", List.of("RetryableWriteError")));
    c.updateOne(eq("again"), inc("total", 1));
    failPoint(new Document("failCommands", List.of("find")).append("closeConnection", true));
    Document again = c.find(eq("again")).first();
    if (again == null || again.getInteger("total") != 1) throw new IllegalStateException("not written once: " + again);
  }

  private void changeStream() throws Exception {
    MongoCollection<Document> c = orders();
    c.insertOne(id("before"));
    try (MongoCursor<?> stream = c.watch().maxAwaitTime(300, TimeUnit.MILLISECONDS).iterator()) {
      // An awaited getMore that ends without a document.
      stream.tryNext();
      Thread writer = new Thread(() -> c.insertOne(id("seen")));
      writer.start();
      stream.next();
      writer.join();
      c.updateOne(eq("seen"), set("total", 1));
      stream.next();
    }
  }

  /** 300 operations of six kinds from eight threads at once. */
  private void crowd() throws Exception {
    List<Thread> workers = IntStream.range(0, 8).mapToObj(w -> new Thread(() -> crowdWorker(w))).toList();
    workers.forEach(Thread::start);
    for (Thread worker : workers) worker.join();
    for (int i = 0; i < 12; i++) db.getCollection("crowd0").find(eq(i)).first();
  }

  private void crowdWorker(int w) {
    MongoCollection<Document> c = db.getCollection("crowd" + w % 2);
    for (int i = 0; i < 6; i++) {
      String key = w + "-" + i;
      c.insertOne(id(key));
      c.find(eq(key)).first();
      c.updateOne(eq(key), set("i", i));
      all(c.find().batchSize(1000));
      c.distinct("i", Integer.class).into(new ArrayList<>());
      c.deleteOne(eq(key));
    }
  }

  private void monitor() throws Exception {
    db.runCommand(new Document("ping", 1));
    HEARTBEATS.drainPermits();
    if (!HEARTBEATS.tryAcquire(3, 30, TimeUnit.SECONDS)) throw new IllegalStateException("no heartbeats");
  }

  private void failPoint(Document data) {
    Document mode = new Document("times", 1);
    Document command = new Document("configureFailPoint", "failCommand").append("mode", mode).append("data", data);
    try (MongoClient control = MongoClients.create(settings(controlUri).build())) {
      control.getDatabase("admin").runCommand(command);
    }
  }

  private static MongoClientSettings.Builder settings(String uri) {
    MongoClientSettings.Builder settings =
        MongoClientSettings.builder().applyConnectionString(new ConnectionString(uri.replaceAll("&?tlsCAFile=[^&]*", "")));
    int at = uri.indexOf("tlsCAFile=");
    if (at < 0) return settings;
    String file = uri.substring(at + "tlsCAFile=".length()).replaceAll("&.*", "");
    return settings.applyToSslSettings(ssl -> ssl.enabled(true).context(trusting(file)));
  }

  private static SSLContext trusting(String authorityFile) {
    try (FileInputStream file = new FileInputStream(authorityFile)) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
      TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (Exception error) {
      throw new IllegalArgumentException(authorityFile, error);
    }
  }

  private static BsonDocument event(String kind) {
    return new BsonDocument("event", new BsonString(kind));
  }

  private static synchronized void emit(BsonDocument event) {
    System.out.println(event.toJson(CANONICAL));
  }

  private static BsonArray addresses(ClusterDescription description) {
    List<BsonString> texts = new ArrayList<>();
    for (ServerDescription server : description.getServerDescriptions()) texts.add(new BsonString(server.getAddress().toString()));
    return new BsonArray(texts);
  }

  private static final class Commands implements CommandListener {
    private static BsonString id(ConnectionDescription connection, int request) {
      return new BsonString(connection.getConnectionId() + "/" + request);
    }

    @Override
    public void commandStarted(CommandStartedEvent e) {
      emit(
          event("started")
              .append("id", id(e.getConnectionDescription(), e.getRequestId()))
              .append("name", new BsonString(e.getCommandName()))
              .append("database", new BsonString(e.getDatabaseName()))
              .append("command", e.getCommand()));
    }

    @Override
    public void commandSucceeded(CommandSucceededEvent e) {
      BsonDocument reply = e.getResponse();
      emit(
          event("succeeded")
              .append("id", id(e.getConnectionDescription(), e.getRequestId()))
              .append("reply", reply == null ? new BsonDocument() : reply));
    }

    @Override
    public void commandFailed(CommandFailedEvent e) {
      // The driver's own errors (a lost connection, an interrupt) have negative codes.
      int code = e.getThrowable() instanceof MongoException failure ? failure.getCode() : -1;
      emit(
          event("failed")
              .append("id", id(e.getConnectionDescription(), e.getRequestId()))
              .append("isReply", BsonBoolean.valueOf(code > 0))
              .append("code", new BsonInt32(Math.max(code, 0))));
    }
  }

  private static final class Connections implements ConnectionPoolListener {
    @Override
    public void connectionCreated(ConnectionCreatedEvent e) {
      emit(event("dialled").append("address", new BsonString(e.getConnectionId().getServerId().getAddress().toString())));
    }
  }

  private static final class Heartbeats implements ServerMonitorListener {
    @Override
    public void serverHearbeatStarted(ServerHeartbeatStartedEvent e) {
      emit(event("dialled").append("address", new BsonString(e.getConnectionId().getServerId().getAddress().toString())));
    }

    @Override
    public void serverHeartbeatSucceeded(ServerHeartbeatSucceededEvent e) {
      emit(event("heartbeat").append("awaited", BsonBoolean.valueOf(e.isAwaited())).append("hello", namesOf(e.getReply())));
      HEARTBEATS.release();
    }

    /** What of a hello names members. */
    private static BsonDocument namesOf(BsonDocument reply) {
      BsonDocument names = new BsonDocument();
      for (String field : List.of("hosts", "passives", "arbiters", "primary", "me")) {
        BsonValue value = reply.get(field);
        if (value != null) names.append(field, value);
      }
      return names;
    }
  }

  /** The first hello of a connection is no heartbeat here: what it told is in the description. */
  private static final class Descriptions implements ServerListener {
    @Override
    public void serverDescriptionChanged(ServerDescriptionChangedEvent e) {
      ServerDescription server = e.getNewDescription();
      BsonDocument hello = new BsonDocument("hosts", texts(server.getHosts()));
      hello.append("passives", texts(server.getPassives())).append("arbiters", texts(server.getArbiters()));
      if (server.getCanonicalAddress() != null) hello.append("me", new BsonString(server.getCanonicalAddress()));
      if (server.getPrimary() != null) hello.append("primary", new BsonString(server.getPrimary()));
      emit(event("told").append("hello", hello));
    }

    private static BsonArray texts(Set<String> names) {
      return new BsonArray(names.stream().map(BsonString::new).toList());
    }
  }

  private static final class Topology implements ClusterListener {
    @Override
    public void clusterDescriptionChanged(ClusterDescriptionChangedEvent e) {
      emit(event("topology").append("servers", addresses(e.getNewDescription())));
    }
  }
}
