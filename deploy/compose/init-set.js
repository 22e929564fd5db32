// Run by mongosh against the first member: makes the replica set once, and waits until it has a primary.
const members = ['mongo1', 'mongo2', 'mongo3'].map((name, id) => ({ _id: id, host: `${name}:27017` }))

try {
  rs.status()
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error
  rs.initiate({ _id: 'rs0', members })
}
while (db.hello().primary === undefined) sleep(200)
print(`rs0: ${db.hello().primary} is the primary`)
