import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

/**
 * mongo-java-server as a server from before OP_MSG (3.0, wire version 2), in a process of its own. Drivers send OP_QUERY on the
 * collection itself, OP_GET_MORE and OP_KILL_CURSORS, and OP_INSERT, OP_UPDATE and OP_DELETE for writes with w: 0.
 */
public final class LegacyServer {
  public static void main(String[] args) {
    MemoryBackend backend = new MemoryBackend();
    backend.version(ServerVersion.MONGO_3_0);
    System.out.println("listening on port " + new MongoServer(backend).bind().getPort());
  }
}
